"""What landed is judged anew: a lot was in a container by the word of who had a right to it, and makers whom a late owner
named without asking them, and places that were registered after an event, no longer decide.

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
        "WHERE EXISTS (SELECT 1 FROM event_epc) "
        "AND NOT EXISTS (SELECT 1 FROM rights_sweep)"
    )


def downgrade() -> None:
    raise NotImplementedError("who says that a lot was in its container would have a say in it")
