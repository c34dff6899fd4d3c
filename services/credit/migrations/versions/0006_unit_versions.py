"""unit versions"""

import sqlalchemy as sa
from alembic import op
from shared.db import types

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('unit_version',
    sa.Column('client_id', sa.String(60), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('valid_from', types.UTC(), nullable=False),
    sa.Column('name', sa.String(200), nullable=False),
    sa.Column('kind', sa.String(12), nullable=False),
    sa.Column('department', sa.String(60), nullable=True),
    sa.Column('area', sa.String(12), nullable=True),
    sa.Column('scopes', types.Json(), nullable=False),
    sa.Column('demo', sa.Boolean(), nullable=False),
    sa.Column('revoked_at', types.UTC(), nullable=True),
    sa.PrimaryKeyConstraint('client_id', 'version')
    )
    # Messages that are there keep null: nobody noted then when the broker took them.
    with op.batch_alter_table('intake_message', schema=None) as batch_op:
        batch_op.add_column(sa.Column('stored_at', types.UTC(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('intake_message', schema=None) as batch_op:
        batch_op.drop_column('stored_at')
    op.drop_table('unit_version')
