"""The routes, in a real app on both databases."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.attachments import Limits, rights
from shared.attachments.api import attachments_router
from shared.attachments.models import add_to
from shared.db.engine import Database
from shared.db.tables import metadata_of
from shared.ids import uuid7
from shared.settings import ServiceSettings
from shared.web import Domain, ServiceSpec, build_app
from tests.support.app import Harness, department, enterprise, public, running, staff
from tests.support.databases import Backend, Databases
from tests.unit.attachments.samples import JPEG, PDF, PNG

PATH = "/v1/traceability/attachments"
WRITER = department("attachments:write")
FIRM = enterprise("91370600MA3C00003H")
OTHER = enterprise("91110000600037341L")


class Eicar:
    """A scanner that knows one thing."""

    async def scan(self, data: bytes) -> str | None:
        return "EICAR" if b"EICAR-STANDARD" in data else None


class Table(SQLModel, registry=registry()):
    """The tables of a service that has nothing but attachments."""


add_to(Table)
METADATA = metadata_of(Table)


async def _made(url: str) -> None:
    database = Database(url)
    async with database.writer.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    await database.close()


def create_app(settings: ServiceSettings, **given: Any) -> Any:
    router = attachments_router("traceability", scanner=Eicar(), limits=Limits(max_bytes=4000))
    return build_app(ServiceSpec("traceability", [Domain("files", routers=[router])]), settings, **given)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def app(
    request: pytest.FixtureRequest, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Harness]:
    monkeypatch.delitem(rights._homes_of, "traceability", raising=False)  # the real service's, if it was made before
    name = f"pinzhi_attachments_{uuid7().replace('-', '')}"
    server = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    url = f"sqlite:///{tmp_path}/{name}.db"
    if server:
        await server.create(name)
        url = server.url(name)
    await _made(url)
    folder = Backend(request.param, databases, tmp_path, server)
    async with running(create_app, ServiceSettings, folder, url=url) as harness:
        yield harness
    if server:
        await server.drop(name)


async def kept(app: Harness, data: bytes, who: Any = WRITER, **query: str) -> dict[str, Any]:
    answer = await app.post(PATH, content=data, params=query, as_=who)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_raw_body_is_kept_under_its_digest(app: Harness) -> None:
    answer = await app.post(PATH, content=PDF, params={"name": "处罚决定书.pdf", "visibility": "public"}, as_=WRITER)
    digest = sha256(PDF).hexdigest()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{PATH}/{digest}"
    assert answer.json() == {
        "sha256": digest,
        "size": len(PDF),
        "media_type": "application/pdf",
        "name": "处罚决定书.pdf",
        "visibility": "public",
        "href": f"{PATH}/{digest}",
    }
    shown = await app.get(answer.json()["href"])
    assert (shown.status_code, shown.content) == (200, PDF)
    assert shown.headers["content-type"] == "application/pdf"
    assert shown.headers["etag"] == f'"{digest}"'
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in shown.headers["content-security-policy"]
    assert shown.headers["content-disposition"].startswith("inline; filename*=UTF-8''%E5%A4%84")


async def test_form_is_kept_and_its_name_is_made_harmless(app: Harness) -> None:
    files = {"file": ("..\\..\\etc/<b>photo\r\n.png", PNG, "application/pdf")}
    answer = await app.post(PATH, files=files, params={"visibility": "public"}, as_=WRITER)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["media_type"] == "image/png"
    assert not set("/\\\r\n") & set(body["name"])
    shown = await app.get(body["href"])
    assert shown.content == PNG


async def test_client_that_has_it_gets_304(app: Harness) -> None:
    body = await kept(app, PNG, visibility="public")
    for tag in (f'"{body["sha256"]}"', f'W/"{body["sha256"]}"', f'"x", "{body["sha256"]}"', "*"):
        answer = await app.get(body["href"], headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content) == (304, b"")
    assert (await app.get(body["href"], headers={"If-None-Match": '"x"'})).status_code == 200


async def test_text_is_offered_for_saving_never_run(app: Harness) -> None:
    body = await kept(app, b"<script>alert(1)</script>", visibility="public", name="a.html")
    shown = await app.get(body["href"])
    assert shown.headers["content-type"] == "text/plain; charset=utf-8"
    assert shown.headers["content-disposition"].startswith("attachment;")


async def test_departmental_files_are_hidden_from_the_public(app: Harness) -> None:
    body = await kept(app, JPEG)
    assert body["visibility"] == "departmental"
    far = department("traceability:x", area="110101", code="bj-scjg")
    another = department("credit:read", code="yt-nyj")
    for who in (public(), FIRM, far, another, department(code="yt-nyj"), staff("administrator", department="yt-nyj")):
        answer = await app.get(body["href"], as_=who)
        assert (answer.status_code, answer.json()["code"]) == (404, "attachment")
    for who in (department("traceability:x", area="370602", code="zf-scjg"), staff("inspector"), WRITER):
        answer = await app.get(body["href"], as_=who)
        assert (answer.status_code, answer.content) == (200, JPEG)
        assert answer.headers["cache-control"] == "private, no-store"


async def test_an_enterprise_sees_its_own_and_publishes_nothing(app: Harness) -> None:
    body = await kept(app, JPEG, FIRM)
    assert (await app.get(body["href"], as_=FIRM)).status_code == 200
    assert (await app.get(body["href"], as_=enterprise("91370600MA3C00003H", client="second"))).status_code == 200
    assert (await app.get(body["href"], as_=OTHER)).status_code == 404
    assert (await app.get(body["href"], as_=department("traceability:x"))).status_code == 200
    assert (await app.get(body["href"], as_=department("credit:read"))).status_code == 404
    answer = await app.post(PATH, content=JPEG, params={"visibility": "public"}, as_=FIRM)
    assert (answer.status_code, answer.json()["code"]) == (403, "attachment.public")


async def test_one_content_of_two_owners_is_as_visible_as_the_more_visible(app: Harness) -> None:
    body = await kept(app, JPEG, FIRM)
    assert (await app.get(body["href"])).status_code == 404
    await kept(app, JPEG, WRITER, visibility="public")
    assert (await app.get(body["href"])).status_code == 200
    await kept(app, JPEG, WRITER, visibility="departmental")
    assert (await app.get(body["href"])).status_code == 404
    assert app.rows("SELECT count(*) FROM attachment") == [(2,)]


async def test_repeating_the_push_is_the_same_attachment(app: Harness) -> None:
    first, second = await kept(app, PDF), await kept(app, PDF)
    assert first == second
    assert app.rows("SELECT count(*) FROM attachment") == [(1,)]


async def test_idempotency_key_gives_the_first_answer_again(app: Harness) -> None:
    headers = {"Idempotency-Key": "a1"}
    first = await app.post(PATH, content=PDF, as_=WRITER, headers=headers)
    again = await app.post(PATH, content=PDF, as_=WRITER, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    other = await app.post(PATH, content=PNG, as_=WRITER, headers=headers)
    assert other.status_code == 409


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 422, "invalid"),
        (b"PK\x03\x04zip", 415, "attachment.type"),
        (b"a" * 4001, 413, "attachment.size"),
        (b"X5O!P%@AP EICAR-STANDARD-ANTIVIRUS-TEST-FILE!", 422, "invalid"),
    ],
)
async def test_what_is_not_kept(app: Harness, data: bytes, status: int, code: str) -> None:
    for answer in (
        await app.post(PATH, content=data, as_=WRITER),
        await app.post(PATH, files={"file": ("a.pdf", data, "application/pdf")}, as_=WRITER),
    ):
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        if status == 422:
            assert answer.json()["errors"][0]["pointer"] == "/file"
    assert app.rows("SELECT count(*) FROM attachment") == [(0,)]
    assert not [path for path in app.platform.settings.data_dir.glob("attachments/**/*") if path.is_file()]


async def test_broken_forms(app: Harness) -> None:
    without_file = await app.post(PATH, data={"file": "text"}, files={"other": b"x"}, as_=WRITER)
    assert (without_file.status_code, without_file.json()["errors"][0]["pointer"]) == (422, "/file")
    two = await app.post(PATH, files=[("file", PNG), ("file", PNG)], as_=WRITER)
    assert two.status_code == 400
    no_boundary = await app.post(PATH, content=b"x", headers={"Content-Type": "multipart/form-data"}, as_=WRITER)
    assert no_boundary.status_code == 400
    body_too_large = await app.post(PATH, content=b"a" * (app.platform.settings.max_body_bytes + 1), as_=WRITER)
    assert body_too_large.status_code == 413


async def test_who_may_write(app: Harness) -> None:
    assert (await app.post(PATH, content=PNG)).status_code == 401
    assert (await app.post(PATH, content=PNG, as_=department("other:write"))).status_code == 403
    assert (await app.post(PATH, content=PNG, as_=staff("auditor"))).status_code == 403
    assert (await app.post(PATH, content=PNG, as_=staff("case_officer"))).status_code == 201


@pytest.mark.parametrize("digest", ["0" * 63, "0" * 65, "G" * 64, "A" * 64, "..%2F..%2Fetc%2Fpasswd"])
async def test_a_name_that_is_no_digest_is_not_found(app: Harness, digest: str) -> None:
    assert (await app.get(f"{PATH}/{digest}")).status_code in (404, 422)
    assert (await app.get(f"{PATH}/{'0' * 64}")).status_code == 404


async def test_keeping_and_reading_are_audited(app: Harness) -> None:
    body = await kept(app, JPEG)
    await app.get(body["href"], as_=staff("inspector"), headers={"Purpose": "case 12"})
    entries = app.rows("SELECT principal, action, subject, purpose FROM audit_entry ORDER BY id")
    assert entries == [
        (WRITER.id, "attachment.keep", body["sha256"], None),
        ("user:inspector", "read", body["href"], "case 12"),
    ]


async def test_damage_on_disk_is_an_error_never_wrong_bytes(app: Harness) -> None:
    body = await kept(app, PDF, visibility="public")
    (file,) = (path for path in app.platform.settings.data_dir.glob("attachments/**/*") if path.is_file())
    file.write_bytes(PDF + b"forged")
    assert (await app.get(body["href"])).status_code == 503
