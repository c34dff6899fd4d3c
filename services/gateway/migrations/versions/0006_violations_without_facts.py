"""violations_without_facts

`violation.published` v2 carries no facts: free text, which may have to be forgotten. What v1 left in the views goes.
"""

import sqlalchemy as sa
from alembic import op
from shared.db import types

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

_AT_ONCE = 500
_view = sa.table('enterprise_view', sa.column('uscc', sa.String), sa.column('violations', types.Json))


def upgrade() -> None:
    connection = op.get_bind()
    after = ''
    while True:
        rows = connection.execute(
            sa.select(_view.c.uscc, _view.c.violations).where(_view.c.uscc > after).order_by(_view.c.uscc).limit(_AT_ONCE)
        ).all()
        if not rows:
            return
        after = rows[-1].uscc
        for uscc, violations in rows:
            if any('facts' in violation for violation in violations.values()):
                kept = {
                    key: {name: value for name, value in violation.items() if name != 'facts'}
                    for key, violation in violations.items()
                }
                connection.execute(_view.update().where(_view.c.uscc == uscc).values(violations=kept))


def downgrade() -> None:
    """What was forgotten stays so; the former code shows an empty text."""
    connection = op.get_bind()
    for uscc, violations in connection.execute(sa.select(_view.c.uscc, _view.c.violations)).all():
        if violations:
            kept = {key: {'facts': ''} | violation for key, violation in violations.items()}
            connection.execute(_view.update().where(_view.c.uscc == uscc).values(violations=kept))
