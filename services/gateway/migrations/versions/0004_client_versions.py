"""client versions"""

import sqlalchemy as sa
from alembic import op
from shared.db import types


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Clients that are there keep version 0; the gateway tells the other services of them at its next start.
    with op.batch_alter_table('client', schema=None) as batch_op:
        batch_op.add_column(sa.Column('version', sa.Integer(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('changed_at', types.UTC(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('client', schema=None) as batch_op:
        batch_op.drop_column('changed_at')
        batch_op.drop_column('version')
