"""The folder of the attachments is moved, replaced or not mounted: nothing is acknowledged that would be hidden or gone
when it is back, nobody is told that a file is none, and `/readyz` names the cause."""

from pathlib import Path

import pytest

from services.credit.app import create_app
from services.credit.settings import Settings
from tests.support.app import Harness, department, running, staff
from tests.support.databases import Backend

PATH = "/v1/credit/attachments"
WRITER = department("attachments:write", area="370600")


async def kept(harness: Harness, text: str) -> str:
    answer = await harness.post(PATH, content=text.encode(), params={"visibility": "public"}, as_=WRITER)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["href"])


async def refused(harness: Harness, href: str) -> None:
    for answer in (await harness.get(href), await harness.post(PATH, content=b"another", as_=WRITER)):
        assert (answer.status_code, answer.json()["code"]) == (503, "storage.files_moved"), answer.text
    ready = await harness.get("/readyz", as_=staff("administrator"))
    assert ready.status_code == 503
    assert "not mounted; put it back" in ready.json()["reasons"]["attachments"]


@pytest.mark.parametrize("how", ["moved", "replaced", "emptied"])
async def test_nothing_is_kept_until_it_is_back(sqlite_backend: Backend, how: str) -> None:
    async with running(create_app, Settings, sqlite_backend) as harness:
        harness.may_fail = True
        href = await kept(harness, "first")
        folder = Path(harness.platform.settings.data_dir) / "attachments"
        aside = folder.with_suffix(".aside")
        folder.rename(aside)
        if how != "moved":
            folder.mkdir()
        if how == "emptied":
            (folder / "lost+found").mkdir()
        await refused(harness, href)
        assert not list(folder.rglob("*.part-*"))
        assert (how == "moved") != folder.exists()
        if how == "emptied":
            (folder / "lost+found").rmdir()
        if how != "moved":
            folder.rmdir()
        aside.rename(folder)
        assert (await harness.get(href)).text == "first"
        assert (await harness.get(await kept(harness, "second"))).text == "second"
        assert (await harness.get("/readyz", as_=staff("administrator"))).status_code == 200


@pytest.mark.parametrize("how", ["missing", "empty"])
async def test_it_is_not_there_at_the_start(sqlite_backend: Backend, how: str) -> None:
    url = sqlite_backend.url("credit")
    async with running(create_app, Settings, sqlite_backend, url=url) as harness:
        href = await kept(harness, "first")
        folder = Path(harness.platform.settings.data_dir) / "attachments"
    aside = folder.with_suffix(".aside")
    folder.rename(aside)
    if how == "empty":
        folder.mkdir()
    async with running(create_app, Settings, sqlite_backend, url=url) as harness:
        harness.may_fail = True
        await refused(harness, href)
    if how == "empty":
        folder.rmdir()
    aside.rename(folder)
    async with running(create_app, Settings, sqlite_backend, url=url) as harness:
        assert (await harness.get(href)).text == "first"
        await kept(harness, "second")


async def test_the_first_file_of_all_needs_no_folder(sqlite_backend: Backend) -> None:
    async with running(create_app, Settings, sqlite_backend) as harness:
        assert (await harness.get(f"{PATH}/{'0' * 64}")).status_code == 404
        assert (await harness.get(await kept(harness, "first"))).text == "first"
