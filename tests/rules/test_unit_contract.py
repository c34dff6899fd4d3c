"""What `/asyncapi.json` tells units is what credit takes: bodies, kinds, topics, and every place that is pointed at."""

import json
from typing import Any

from deploy import unit_contract
from services.credit.topic_intake import rules
from services.credit.violations.schemas import Correction, ViolationIn, Withdrawal
from shared.clock import shanghai_date
from shared.events.asyncapi import asyncapi_document
from shared.events.asyncapi_units import CONTRACT
from shared.events.catalogue import EVENTS
from shared.web.bodies import parse
from tests.support.app import NOW

MODELS = {"violation": ViolationIn, "correction": Correction, "withdrawal": Withdrawal}


def test_the_schemas_are_those_of_the_rest_calls() -> None:
    assert CONTRACT.read_text(encoding="utf-8") == unit_contract.text(), "run python -m deploy.unit_contract"


def test_no_schema_of_an_event_is_overwritten() -> None:
    names = set(json.loads(CONTRACT.read_text(encoding="utf-8")))
    of_events = {name for event in EVENTS.values() for name in event.model_json_schema().get("$defs", {})}
    assert not names & of_events


def test_every_kind_is_told_with_an_example_that_is_taken() -> None:
    messages: dict[str, Any] = asyncapi_document()["components"]["messages"]
    seen = set()
    for name, message in messages.items():
        if not name.startswith("enforcement.") or name == "enforcement.receipt.v1":
            continue
        (example,) = message["examples"]
        headers = {"ce_type": "", **example["headers"]}
        letter = rules.read(headers, json.dumps(example["payload"]).encode())
        taken = rules.message_of(letter, headers)
        parse(MODELS[taken.kind], taken.body, today=shanghai_date(NOW))
        seen.add(letter.type)
    assert seen == set(rules.TYPES)
