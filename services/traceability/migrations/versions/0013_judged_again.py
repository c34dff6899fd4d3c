"""Words that landed are judged again, in slices after the start: makers whom a late owner named without asking them, and
places that were registered after an event, no longer decide on it."""

from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM rights_sweep")
    op.execute("INSERT INTO rights_sweep (name, after) SELECT 'nodes', '' WHERE EXISTS (SELECT 1 FROM event_epc)")


def downgrade() -> None:
    op.execute("DELETE FROM rights_sweep")
