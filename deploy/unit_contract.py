"""Writes what units send and get back into the contracts: `python -m deploy.unit_contract`.

`shared/` cannot import credit, and `/asyncapi.json` is answered by every service; a test holds the file to the code.
"""

import json
from pathlib import Path
from typing import Any, Literal

from services.credit.violations.schemas import Correction, Receipt, ViolationIn, Withdrawal
from shared.events.asyncapi_units import CONTRACT


def contract() -> dict[str, Any]:
    """Schemas by name, with references as they stand in the AsyncAPI document."""
    schemas: dict[str, Any] = {}
    for model in (ViolationIn, Correction, Withdrawal, Receipt):
        mode: Literal["serialization", "validation"] = "serialization" if model is Receipt else "validation"
        schema = model.model_json_schema(ref_template="#/components/schemas/Unit{model}", mode=mode)
        for name, inner in schema.pop("$defs", {}).items():
            schemas[f"Unit{name}"] = inner
        schemas[f"Unit{model.__name__}"] = schema
    for name in ("UnitCorrection", "UnitWithdrawal"):
        schemas[name]["properties"]["violation_id"] = {"type": "string", "description": "As in the receipt"}
        schemas[name]["required"] = ["violation_id", *schemas[name]["required"]]
    return dict(sorted(schemas.items()))


def text() -> str:
    return json.dumps(contract(), ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    Path(CONTRACT).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
