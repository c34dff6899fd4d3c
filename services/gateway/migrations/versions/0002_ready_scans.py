"""ready_scans"""

import sqlalchemy as sa
from alembic import op


revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Rows that are there keep null until their lot changes or the projection is replayed; they are read all the same.
    with op.batch_alter_table('lot_view', schema=None) as batch_op:
        batch_op.add_column(sa.Column('scan_zh', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('scan_en', sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('lot_view', schema=None) as batch_op:
        batch_op.drop_column('scan_en')
        batch_op.drop_column('scan_zh')
