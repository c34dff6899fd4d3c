"""register_of_party

Credit's event says from now on whether an authority stated a firm's area or a violation only named it; of what is
landed that is not known.
"""

import sqlalchemy as sa
from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('party_enterprise', schema=None) as batch_op:
        batch_op.add_column(sa.Column('source', sa.String(), nullable=True))
        batch_op.create_index(batch_op.f('ix_party_enterprise_area_code'), ['area_code'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('party_enterprise', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_party_enterprise_area_code'))
        batch_op.drop_column('source')
