"""Event ids are unique for each capturing party.

SQLite commits each change of a table by itself, so every step looks whether it was done before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_UNIQUE = "uq_epcis_event_of_party"
_NAMES = {"uq": "uq_%(table_name)s_%(column_0_name)s"}
"""SQLite gave the constraints of the first schema no names."""
_DEPARTMENT = "department"
"""Who captured an event of which only the kind of its capturer is known."""


def upgrade() -> None:
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    inspector = sa.inspect(connection)
    if "captured_by" not in {column["name"] for column in inspector.get_columns("epcis_event")}:
        op.add_column("epcis_event", sa.Column("captured_by", sa.String(), nullable=True))
    # Who captured for a department stands in the job, where there was one.
    department = (
        "json_extract(c.principal, '$.department')" if sqlite else "(CAST(c.principal AS json) ->> 'department')"
    )
    op.execute(
        "UPDATE epcis_event SET captured_by = COALESCE(owner_uscc, "  # noqa: S608 - built from constants
        f"(SELECT 'department:' || {department} FROM capture c WHERE c.capture_id = epcis_event.capture_id), "
        f"'{_DEPARTMENT}') WHERE captured_by IS NULL"
    )
    inspector = sa.inspect(connection)
    unique = {each["name"]: each["column_names"] for each in inspector.get_unique_constraints("epcis_event")}
    if _UNIQUE not in unique:
        with op.batch_alter_table("epcis_event", naming_convention=_NAMES if sqlite else None) as batch_op:
            batch_op.alter_column("captured_by", existing_type=sa.String(), nullable=False)
            for column in ("event_id", "hash_id"):
                name = f"uq_epcis_event_{column}" if sqlite else f"epcis_event_{column}_declaration_key"
                batch_op.drop_constraint(name, type_="unique")
            batch_op.create_unique_constraint(_UNIQUE, ["captured_by", "event_id", "declaration"])
    indexes = {each["name"] for each in sa.inspect(connection).get_indexes("epcis_event")}
    for column in ("event_id", "hash_id"):
        if f"ix_epcis_event_{column}" not in indexes:
            op.create_index(f"ix_epcis_event_{column}", "epcis_event", [column])


def downgrade() -> None:
    raise NotImplementedError("two parties may have given the same id")
