"""Packings that count: what was said of a lot in a container is judged anew, over packings of who had a right to it.

The sweep runs as soon as the service does; where an earlier one is still under way, it begins again.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE rights_sweep SET after = ''")
    op.execute(
        "INSERT INTO rights_sweep (name, after) SELECT 'nodes', '' "
        "WHERE EXISTS (SELECT 1 FROM edge WHERE relation IN ('aggregation', 'association')) "
        "AND NOT EXISTS (SELECT 1 FROM rights_sweep)"
    )


def downgrade() -> None:
    raise NotImplementedError("who says that a lot was in its container would have a say in it")
