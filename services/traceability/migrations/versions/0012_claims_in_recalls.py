"""claims_in_recalls"""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('recall_holding', schema=None) as batch_op:
        batch_op.add_column(sa.Column('confirmed', sa.Boolean(), nullable=False, server_default=sa.true()))
    with op.batch_alter_table('recall_holding', schema=None) as batch_op:
        batch_op.alter_column('confirmed', server_default=None)
        batch_op.create_index('ix_recall_holding_lot', ['recall_id', 'lot_id'], unique=False)
    # Who only says that it has a lot was told without the lot's name, or not at all: the worker finds all of them.
    op.execute(
        "UPDATE recall_lot SET counted = false WHERE recall_id IN "
        "(SELECT recall_id FROM recall WHERE outcome IS NULL OR outcome <> 'revoked')"
    )


def downgrade() -> None:
    with op.batch_alter_table('recall_holding', schema=None) as batch_op:
        batch_op.drop_index('ix_recall_holding_lot')
        batch_op.drop_column('confirmed')
