"""large_recalls"""

import sqlalchemy as sa
from alembic import op
from shared.db import types

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'lot_stale',
        sa.Column('lot_id', sa.String(), nullable=False),
        sa.Column('since', types.UTC(), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('lot_id'),
    )
    with op.batch_alter_table('capture', schema=None) as batch_op:
        batch_op.add_column(sa.Column('worker', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('begun', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('begun_at', types.UTC(), nullable=True))
    with op.batch_alter_table('capture', schema=None) as batch_op:
        batch_op.alter_column('begun', server_default=None)
    with op.batch_alter_table('recall', schema=None) as batch_op:
        batch_op.add_column(sa.Column('lots_count', sa.Integer(), nullable=False, server_default='0'))
    with op.batch_alter_table('recall_lot', schema=None) as batch_op:
        batch_op.add_column(sa.Column('position', sa.Integer(), nullable=False, server_default='0'))
        # What is there was counted in the transaction in which it joined.
        batch_op.add_column(sa.Column('counted', sa.Boolean(), nullable=False, server_default=sa.true()))
    op.execute(
        'UPDATE recall_lot SET position = n.number FROM (SELECT recall_id, lot_id, row_number() OVER '
        '(PARTITION BY recall_id ORDER BY root DESC, joined_at, lot_id) AS number FROM recall_lot) AS n '
        'WHERE n.recall_id = recall_lot.recall_id AND n.lot_id = recall_lot.lot_id'
    )
    op.execute(
        'UPDATE recall SET lots_count = (SELECT count(*) FROM recall_lot WHERE recall_lot.recall_id = recall.recall_id)'
    )
    with op.batch_alter_table('recall', schema=None) as batch_op:
        batch_op.alter_column('lots_count', server_default=None)
    with op.batch_alter_table('recall_lot', schema=None) as batch_op:
        batch_op.alter_column('position', server_default=None)
        batch_op.alter_column('counted', server_default=None)
        batch_op.create_index('ix_recall_lot_gtin', ['gtin', 'lot'], unique=False)
        batch_op.create_index('uq_recall_lot_position', ['recall_id', 'position'], unique=True)
        batch_op.create_index(
            'ix_recall_lot_uncounted',
            ['recall_id', 'position'],
            unique=False,
            sqlite_where=sa.text('counted = 0'),
            postgresql_where=sa.text('NOT counted'),
        )


def downgrade() -> None:
    with op.batch_alter_table('recall_lot', schema=None) as batch_op:
        batch_op.drop_index('ix_recall_lot_uncounted')
        batch_op.drop_index('uq_recall_lot_position')
        batch_op.drop_index('ix_recall_lot_gtin')
        batch_op.drop_column('counted')
        batch_op.drop_column('position')
    with op.batch_alter_table('recall', schema=None) as batch_op:
        batch_op.drop_column('lots_count')
    with op.batch_alter_table('capture', schema=None) as batch_op:
        batch_op.drop_column('begun_at')
        batch_op.drop_column('begun')
        batch_op.drop_column('worker')
    op.drop_table('lot_stale')
