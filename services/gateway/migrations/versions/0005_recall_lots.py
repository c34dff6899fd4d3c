"""recall_lots"""

import json

import sqlalchemy as sa
from alembic import op
from shared.db import types

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

FIRST = 100


def upgrade() -> None:
    lots = op.create_table(
        'recall_lot_view',
        sa.Column('recall_id', sa.String(60), nullable=False),
        sa.Column('lot_id', sa.String(40), nullable=False),
        sa.Column('position', sa.Integer(), nullable=False),
        sa.Column('gtin', sa.String(14), nullable=False),
        sa.Column('lot', sa.String(), nullable=False),
        sa.Column('product_name', sa.String(), nullable=False),
        sa.Column('in_force', sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint('recall_id', 'lot_id'),
    )
    with op.batch_alter_table('recall_lot_view', schema=None) as batch_op:
        batch_op.create_index('recall_lot_view_position', ['recall_id', 'position'], unique=False)
        batch_op.create_index('recall_lot_view_gtin', ['gtin', 'lot'], unique=False)
        batch_op.create_index('recall_lot_view_lot', ['lot'], unique=False)
        batch_op.create_index(
            'recall_lot_view_in_force',
            ['lot_id'],
            unique=False,
            sqlite_where=sa.text('in_force'),
            postgresql_where=sa.text('in_force'),
        )
    with op.batch_alter_table('recall_view', schema=None) as batch_op:
        batch_op.add_column(sa.Column('lots_known', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('last_position', sa.Integer(), nullable=False, server_default='0'))
    _move_lots(lots)
    with op.batch_alter_table('recall_view', schema=None) as batch_op:
        batch_op.alter_column('lots_known', server_default=None)
        batch_op.alter_column('last_position', server_default=None)
    # Rows that only a recall had made say nothing any more.
    op.execute('DELETE FROM product_view WHERE body IS NULL')
    with op.batch_alter_table('product_view', schema=None) as batch_op:
        batch_op.drop_column('recalls')


def _move_lots(lots: sa.Table) -> None:
    """The lots of each recall become rows of their own; its body keeps the first ones."""
    connection = op.get_bind()
    recalls = sa.table(
        'recall_view',
        sa.column('recall_id', sa.String),
        sa.column('body', types.Json),
        sa.column('lots_known', sa.Integer),
        sa.column('last_position', sa.Integer),
    )
    for recall_id, body in connection.execute(sa.select(recalls.c.recall_id, recalls.c.body)).all():
        body = json.loads(body) if isinstance(body, str) else body
        known = list({lot['lot_id']: lot for lot in body['lots']}.values())
        in_force = not (body['outcome'] or '').startswith('revoked')
        rows = [
            {
                'recall_id': recall_id,
                'lot_id': lot['lot_id'],
                'position': position,
                'gtin': lot['gtin'],
                'lot': lot['lot'],
                'product_name': lot['product_name'],
                'in_force': in_force,
            }
            for position, lot in enumerate(known, 1)
        ]
        if rows:
            connection.execute(sa.insert(lots), rows)
        body |= {'lots': body['lots'][:FIRST], 'lots_count': len(known)}
        connection.execute(
            sa.update(recalls)
            .where(recalls.c.recall_id == recall_id)
            .values(body=body, lots_known=len(known), last_position=len(known))
        )


def downgrade() -> None:
    # The lots beyond the first ones come back with a replay.
    with op.batch_alter_table('product_view', schema=None) as batch_op:
        batch_op.add_column(sa.Column('recalls', types.Json(), nullable=False, server_default='{}'))
    with op.batch_alter_table('recall_view', schema=None) as batch_op:
        batch_op.drop_column('last_position')
        batch_op.drop_column('lots_known')
    op.drop_table('recall_lot_view')
