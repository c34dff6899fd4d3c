"""Principals whose tokens are void before they expire."""

import sqlalchemy as sa
from alembic import op
from shared.db import types

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('revoked_principal',
    sa.Column('principal', sa.String(150), nullable=False),
    sa.Column('not_before', types.UTC(), nullable=False),
    sa.PrimaryKeyConstraint('principal')
    )


def downgrade() -> None:
    op.drop_table('revoked_principal')
