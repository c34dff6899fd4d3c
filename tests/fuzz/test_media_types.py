"""Every operation that takes JSON takes it under the same names, and nothing else: 415, whatever the body is."""

import pytest

from tests.fuzz import examples
from tests.fuzz.world import Fuzzed

OTHERS = ("text/plain", "application/x-www-form-urlencoded", "application/xml", "text/event+json", "json", "")


@pytest.mark.parametrize("fuzzed", ["all-sqlite"], indirect=True)
def test_what_is_not_said_to_be_json(fuzzed: Fuzzed) -> None:
    async def walk() -> tuple[int, list[str]]:
        asked, found = 0, []
        for label, example in (await examples.all_of(fuzzed)).items():
            if example.method not in ("POST", "PUT", "PATCH") or example.media != "application/json":
                continue
            if not example.body:
                continue
            asked += 1
            for media in OTHERS:
                headers = {"Content-Type": media} if media else {}
                answer = await fuzzed.harnesses[example.service].request(
                    example.method, example.target, content=b"{}", headers=headers, as_=example.caller
                )
                if answer.status_code != 415:
                    found.append(f"{label}: {media or 'no type'}: {answer.status_code} {answer.text[:200]}")
            # The types of EPCIS are its standard's.
            plus = "application/ld+json" if example.template.startswith("/epcis") else "application/merge-patch+json"
            for media in ("application/json; charset=utf-8", "APPLICATION/JSON", plus):
                answer = await fuzzed.harnesses[example.service].request(
                    example.method, example.target, content=b"[", headers={"Content-Type": media}, as_=example.caller
                )
                if answer.status_code != 400:
                    found.append(f"{label}: {media}: {answer.status_code} {answer.text[:200]}")
        return asked, found

    asked, found = fuzzed.loop.run(walk())
    assert asked >= 30
    assert not found, "\n".join(found)
