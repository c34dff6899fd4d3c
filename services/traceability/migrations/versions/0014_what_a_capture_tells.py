"""what_a_capture_tells"""

import sqlalchemy as sa
from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

_NAMES = (('refused', 'errors'), ('repeated', 'duplicates'))


def upgrade() -> None:
    for name, told in _NAMES:
        with op.batch_alter_table('capture', schema=None) as batch_op:
            batch_op.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default='0'))
        length = f'json_array_length({told})'
        if op.get_bind().dialect.name == 'postgresql':
            length = f'json_array_length({told}::json)'
        op.execute(f'UPDATE capture SET {name} = {length}')
        with op.batch_alter_table('capture', schema=None) as batch_op:
            batch_op.alter_column(name, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table('capture', schema=None) as batch_op:
        for name, _ in _NAMES:
            batch_op.drop_column(name)
