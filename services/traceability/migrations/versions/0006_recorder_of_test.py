"""recorder_of_test

A report was unique for its laboratory and number alone, so that an enterprise's self-test could take the number of an
authority's report. Who recorded the first version of a landed report answers for all of it.
"""

import sqlalchemy as sa
from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

_RECORDER = """
UPDATE lot_test SET recorder = (
  SELECT CASE WHEN first.department IS NULL THEN 'enterprise:' || first.producer_uscc
              ELSE 'department:' || first.department END
  FROM lot_test AS first WHERE first.test_id = lot_test.test_id AND first.version = 1
)
"""


def _key(*names: str) -> str:
    """The name of the present unique constraint: the first revision left it to the database."""
    for found in sa.inspect(op.get_bind()).get_unique_constraints('lot_test'):
        if found['column_names'] == list(names):
            return str(found['name'] or 'uq_lot_test_laboratory')
    raise LookupError(f"lot_test has no unique constraint on {names}")


def _rekey(former: tuple[str, ...], new: tuple[str, ...], name: str) -> None:
    naming = {'uq': 'uq_%(table_name)s_%(column_0_name)s'}
    former_name = _key(*former)
    with op.batch_alter_table('lot_test', schema=None, naming_convention=naming) as batch_op:
        batch_op.drop_constraint(former_name, type_='unique')
        batch_op.create_unique_constraint(name, list(new))


def upgrade() -> None:
    with op.batch_alter_table('lot_test', schema=None) as batch_op:
        batch_op.add_column(sa.Column('recorder', sa.String(), nullable=True))
    op.execute(_RECORDER)
    with op.batch_alter_table('lot_test', schema=None) as batch_op:
        batch_op.alter_column('recorder', existing_type=sa.String(), nullable=False)
    _rekey(('laboratory', 'report_number', 'version'), ('recorder', 'laboratory', 'report_number', 'version'), 'uq_lot_test_number')


def downgrade() -> None:
    _rekey(('recorder', 'laboratory', 'report_number', 'version'), ('laboratory', 'report_number', 'version'), 'uq_lot_test_laboratory')
    with op.batch_alter_table('lot_test', schema=None) as batch_op:
        batch_op.drop_column('recorder')
