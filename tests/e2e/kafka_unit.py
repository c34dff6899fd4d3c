"""An enforcement unit that pushes on Kafka, for the tour of a city."""

import asyncio
import json
from typing import Any

from deploy.demo.accounts import ENFORCEMENT
from shared.bus import Record
from shared.bus.kafka import KafkaBus
from shared.events.base import INTAKE_TOPIC, RECEIPTS_TOPIC
from tests.e2e.running import Running


async def a_unit_pushes_on_kafka(city: Running, violation: dict[str, Any]) -> None:
    """The same rules as REST; each message is answered on the receipts topic."""
    bus = KafkaBus(city.kafka)
    form = {"grant_type": "client_credentials"}
    secret = (ENFORCEMENT.client_id, ENFORCEMENT.secret)
    token = city.http.post("/oauth/token", data=form, auth=secret).json()["access_token"]
    headers = {"ce_type": "pinzhi.enforcement.violation.v1", "authorization": f"Bearer {token}"}
    number = f"烟市监处罚〔{violation['decision_date'][:4]}〕90号（演示）"
    good = violation | {
        "external_id": "tour-kafka",
        "document_number": number,
        "penalty_kinds": ["warning"],
        "fine_fen": None,
    }
    bodies = {"good": good, "again": violation, "bad": good | {"uscc": "x"}}
    records = [
        Record(INTAKE_TOPIC, violation["uscc"], json.dumps(body).encode(), headers | {"ce_id": name})
        for name, body in bodies.items()
    ]
    reader = await bus.subscribe("tour", [RECEIPTS_TOPIC], member="tour:0")
    await bus.publish([*records, Record(INTAKE_TOPIC, "k", b"no json", headers | {"ce_id": "rubbish"})])
    answers: dict[str, Any] = {}
    async with asyncio.timeout(90):
        while len(answers) < 4:
            for record in await reader.poll(timeout=0.2):
                answers[record.headers["ce_causationid"]] = json.loads(record.value)
    await reader.close()
    await bus.close()
    statuses = {name: answer["status"] for name, answer in answers.items()}
    assert statuses == {"good": "recorded", "again": "repeated", "bad": "refused", "rubbish": "refused"}
    assert answers["again"]["receipt"]["external_id"] == "tour-1"
    assert answers["bad"]["problem"]["errors"][0]["pointer"] == "/uscc"
    kept = city.account(ENFORCEMENT).get("/v1/credit/receipts?external_id=tour-kafka")
    assert kept == answers["good"]["receipt"]
