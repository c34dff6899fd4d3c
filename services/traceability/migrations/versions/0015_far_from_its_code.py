"""far_from_its_code"""

import sqlalchemy as sa
from alembic import op

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('party_enterprise', schema=None) as batch_op:
        batch_op.alter_column('area_code', existing_type=sa.String(), nullable=True)
    # What a record alone says of a firm far from where its code shows that it is registered gives nobody its supervision.
    op.execute(
        "UPDATE party_enterprise SET area_code = NULL WHERE (source IS NULL OR source <> 'register') "
        "AND substr(uscc, 3, 1) BETWEEN '1' AND '9' AND substr(uscc, 3, 6) <> '100000' "
        "AND substr(uscc, 3, 4) <> substr(area_code, 1, 4) "
        "AND NOT (substr(uscc, 5, 4) = '0000' AND substr(uscc, 3, 2) = substr(area_code, 1, 2))"
    )


def downgrade() -> None:
    op.execute("UPDATE party_enterprise SET area_code = substr(uscc, 3, 6) WHERE area_code IS NULL")
    with op.batch_alter_table('party_enterprise', schema=None) as batch_op:
        batch_op.alter_column('area_code', existing_type=sa.String(), nullable=False)
