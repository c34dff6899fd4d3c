"""Late titles: who comes to a GTIN after others spoke of it has no power over their words until it is confirmed.

Products that are registered already keep the power that they had. What was told of GTINs that nobody owns yet is late
for whoever comes. SQLite commits each change of a table by itself, so every step looks whether it was done before.
"""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_COLUMNS = {
    "event_epc": ("late", sa.Boolean(), sa.false()),
    "edge": ("late", sa.Boolean(), sa.false()),
    "product": ("since", sa.String(), ""),
}


def upgrade() -> None:
    connection = op.get_bind()
    if "product_confirmation" not in sa.inspect(connection).get_table_names():
        op.create_table(
            "product_confirmation",
            sa.Column("gtin", sa.String(), primary_key=True),
            sa.Column("uscc", sa.String(), primary_key=True),
            sa.Column("confirmed_by", sa.String(), primary_key=True),
            sa.Column("confirmed_at", types.UTC(), nullable=False),
        )
    for table, (name, kind, default) in _COLUMNS.items():
        if name not in {column["name"] for column in sa.inspect(connection).get_columns(table)}:
            op.add_column(table, sa.Column(name, kind, nullable=False, server_default=default))
    op.execute(
        "UPDATE event_epc SET late = true WHERE NOT confirmed AND NOT late AND gtin IS NOT NULL "
        "AND (node NOT LIKE 'https://%' OR node LIKE '%/21/%' OR node LIKE '%/235/%') "
        "AND NOT EXISTS (SELECT 1 FROM product p WHERE p.gtin = event_epc.gtin) "
        "AND NOT EXISTS (SELECT 1 FROM gtin_claim c WHERE c.gtin = event_epc.gtin) "
        "AND EXISTS (SELECT 1 FROM epcis_event e WHERE e.record_id = event_epc.record_id AND e.owner_uscc IS NOT NULL)"
    )
    op.execute(
        "UPDATE edge SET late = true WHERE NOT late AND EXISTS (SELECT 1 FROM event_epc x "
        "WHERE x.record_id = edge.record_id AND x.node = edge.from_node AND x.late)"
    )


def downgrade() -> None:
    raise NotImplementedError("who came late would have power over what others said before")
