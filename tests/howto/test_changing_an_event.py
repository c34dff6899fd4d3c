"""docs/changing-an-event.md, followed to the letter in a copy of the project."""

import json
import re
from pathlib import Path

import pytest

from tests.howto.page import Copy, steps

LATER = re.compile(r'make test TESTS="(.*)"')


@pytest.mark.timeout(600)
def test_the_page_leads_to_a_second_version(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    tests: list[str] = []
    for act, file, line, code in steps("changing-an-event.md"):
        if later := LATER.fullmatch(code):
            tests += later[1].split()
        elif act == "sh":
            assert code.startswith("python "), code
            copy.python(*code.split()[1:])
        else:
            assert file is not None
            copy.write(act, file, line, code)
    touched = {name for name in copy.touched() if not name.startswith("tests/")}
    assert touched == {
        "shared/events/traceability.py",
        "shared/events/frozen/pinzhi.traceability.alert.closed.v2.json",
        "services/traceability/alerts/service.py",
    }
    copy.python("-m", "ruff", "check", "--quiet", "shared", "services", "tests/unit/events")
    told = copy.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not postgres", *tests)
    assert re.search(r"^\d+ passed", told, re.MULTILINE), told
    asked = "import json; from shared.events.asyncapi import asyncapi_document as d; print(json.dumps(d()))"
    messages = json.loads(copy.python("-c", asked))["components"]["messages"]
    assert messages["traceability.alert.closed.v1"]["x-superseded-by"] == "pinzhi.traceability.alert.closed.v2"
    properties = [set(messages[f"traceability.alert.closed.v{n}"]["payload"]["properties"]) for n in (1, 2)]
    assert properties == [{"alert_id", "closed_at", "reason"}, {"alert_id", "closed_at"}]
