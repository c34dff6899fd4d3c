"""register_of_party

Credit's event says from now on whether an authority stated a firm's area or a violation only named it; of what is
landed that is not known. A file remembers the area of the authority that put it there. What happened in a recall is read
by everybody, so it names no quantities any more.
"""

import sqlalchemy as sa
from alembic import op


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('party_enterprise', schema=None) as batch_op:
        batch_op.add_column(sa.Column('source', sa.String(), nullable=True))
        batch_op.create_index(batch_op.f('ix_party_enterprise_area_code'), ['area_code'], unique=False)
    with op.batch_alter_table('attachment', schema=None) as batch_op:
        batch_op.add_column(sa.Column('area', sa.String(length=12), nullable=True))
    op.execute(
        "UPDATE recall_change SET text = '登记了回收和销毁的数量', text_en = 'What was recovered and destroyed was reported' "
        "WHERE text LIKE '%：回收 %，销毁 %' AND text_en LIKE '%: % recovered, % destroyed'"
    )


def downgrade() -> None:
    with op.batch_alter_table('attachment', schema=None) as batch_op:
        batch_op.drop_column('area')
    with op.batch_alter_table('party_enterprise', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_party_enterprise_area_code'))
        batch_op.drop_column('source')
