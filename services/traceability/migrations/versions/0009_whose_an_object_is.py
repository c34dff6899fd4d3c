"""Whose an object is: capturing party's edges, what is confirmed, makers, claims, confirmations of places.

Landed rows begin as confirmed; `rights/sweep.py` judges them in slices as soon as the service runs. SQLite commits each
change of a table by itself, so every step looks whether it was done before.
"""

import orjson
import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OLD_MIDDLE, _MIDDLE = "transformation:", "made:"


def _columns() -> dict[str, list[sa.Column[object]]]:
    return {
        "epcis_event": [sa.Column("captured_area", sa.String(), nullable=True)],
        "event_epc": [
            sa.Column("confirmed", sa.Boolean(), nullable=False, server_default=sa.true()),
            sa.Column("asks", sa.String(), nullable=True),
            sa.Column("gtin", sa.String(), nullable=True),
        ],
        "edge": [
            sa.Column("confirmed", sa.Boolean(), nullable=False, server_default=sa.true()),
            sa.Column("source_confirmed", sa.Boolean(), nullable=False, server_default=sa.true()),
        ],
        "lot": [sa.Column("acknowledged", sa.Boolean(), nullable=False, server_default=sa.true())],
        "place": [sa.Column("since", sa.String(), nullable=True)],
    }


def upgrade() -> None:
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    tables = set(sa.inspect(connection).get_table_names())
    if "gtin_claim" not in tables:
        op.create_table(
            "gtin_claim",
            sa.Column("gtin", sa.String(), primary_key=True),
            sa.Column("uscc", sa.String(), nullable=False),
            sa.Column("record_id", sa.String(), nullable=False),
        )
        op.create_index("ix_gtin_claim_record_id", "gtin_claim", ["record_id"])
    if "product_makers" not in tables:
        op.create_table(
            "product_makers",
            sa.Column("gtin", sa.String(), primary_key=True),
            sa.Column("makers", types.Json(), nullable=False),
            sa.Column("version", sa.Integer(), nullable=False),
            sa.Column("updated_at", types.UTC(), nullable=False),
        )
    if "place_confirmation" not in tables:
        op.create_table(
            "place_confirmation",
            sa.Column("gln", sa.String(), primary_key=True),
            sa.Column("uscc", sa.String(), primary_key=True),
            sa.Column("confirmed_by", sa.String(), primary_key=True),
            sa.Column("confirmed_at", types.UTC(), nullable=False),
        )
    if "claim_decision" not in tables:
        op.create_table(
            "claim_decision",
            sa.Column("record_id", sa.String(), primary_key=True),
            sa.Column("node", sa.String(), primary_key=True),
            sa.Column("confirmed", sa.Boolean(), nullable=False),
            sa.Column("decided_by", sa.String(), nullable=True),
            sa.Column("decided_at", types.UTC(), nullable=False),
        )
        op.create_index("ix_claim_decision_node", "claim_decision", ["node"])
    for table, columns in _columns().items():
        present = {column["name"] for column in sa.inspect(connection).get_columns(table)}
        for column in columns:
            if column.name not in present:
                op.add_column(table, column)
    lot = "node GLOB replace(hex(zeroblob(7)), '0', '[0-9]') || '.*'" if sqlite else r"node ~ '^\d{14}\.'"
    op.execute(f"UPDATE event_epc SET gtin = substr(node, 1, 14) WHERE gtin IS NULL AND {lot}")  # noqa: S608 - constants
    op.execute(
        "UPDATE event_epc SET gtin = substr(node, 23, 14) WHERE gtin IS NULL AND node LIKE 'https://id.gs1.org/01/%'"
    )
    _indexes(connection)
    _places(connection)
    if sqlite:
        with op.batch_alter_table("place") as batch_op:
            batch_op.alter_column("since", existing_type=sa.String(), nullable=False)
    else:
        op.alter_column("place", "since", nullable=False)
    # The events of one transformationID met whoever told them.
    for column in ("from_node", "to_node"):
        op.execute(
            f"UPDATE edge SET {column} = '{_MIDDLE}' || (SELECT e.captured_by FROM epcis_event e "  # noqa: S608 - built from constants
            f"WHERE e.record_id = edge.record_id) || ':' || substr({column}, {len(_OLD_MIDDLE) + 1}) "
            f"WHERE {column} LIKE '{_OLD_MIDDLE}%'"
        )
    if "rights_sweep" not in tables:
        op.create_table(
            "rights_sweep",
            sa.Column("name", sa.String(), primary_key=True),
            sa.Column("after", sa.String(), nullable=False),
        )
    op.execute(
        "INSERT INTO rights_sweep (name, after) SELECT 'nodes', '' WHERE EXISTS (SELECT 1 FROM event_epc) "
        "AND NOT EXISTS (SELECT 1 FROM rights_sweep)"
    )


def _places(connection: sa.Connection) -> None:
    """A place is this party's since its first version that names it with no other party's after it, as the record id
    of the first event of that time or later."""
    owners: dict[str, tuple[str, object]] = {}
    versions = "SELECT key, body, known_from FROM master_version WHERE kind = 'place' ORDER BY key, version"
    for key, body, known_from in connection.execute(sa.text(versions)).all():
        uscc = orjson.loads(body)["uscc"]
        if owners.get(key, ("",))[0] != uscc:
            owners[key] = (uscc, known_from)
    places = connection.execute(sa.text("SELECT gln, uscc, updated_at FROM place WHERE since IS NULL")).all()
    rows = []
    for gln, uscc, updated_at in places:
        owner, known_from = owners.get(gln, (uscc, updated_at))
        at = known_from if owner == uscc else updated_at
        rows.append({"key": gln, "first": _first_after(connection, at)})
    if rows:
        connection.execute(sa.text("UPDATE place SET since = :first WHERE gln = :key"), rows)


def _first_after(connection: sa.Connection, at: object) -> str:
    """The first event that was recorded then or later: ids and times of recording need not be of one clock."""
    after = sa.text("SELECT record_id FROM epcis_event WHERE record_time >= :at ORDER BY record_time, record_id LIMIT 1")
    found = connection.execute(after, {"at": at}).scalar()
    if found is None:
        last = connection.execute(sa.text("SELECT max(record_id) FROM epcis_event")).scalar()
        found = f"{last}~" if last else ""
    return str(found)


def _indexes(connection: sa.Connection) -> None:
    present = {each["name"] for each in sa.inspect(connection).get_indexes("event_epc")}
    if "ix_event_epc_open" not in present:
        op.create_index(
            "ix_event_epc_open",
            "event_epc",
            ["node"],
            sqlite_where=sa.text("confirmed = 0"),
            postgresql_where=sa.text("NOT confirmed"),
        )
    if "ix_event_epc_gtin" not in present:
        op.create_index("ix_event_epc_gtin", "event_epc", ["gtin"])
    if "ix_event_epc_asks" not in present:
        op.create_index(
            "ix_event_epc_asks",
            "event_epc",
            ["asks", "record_id"],
            sqlite_where=sa.text("asks IS NOT NULL"),
            postgresql_where=sa.text("asks IS NOT NULL"),
        )


def downgrade() -> None:
    raise NotImplementedError("what is not confirmed would count again")
