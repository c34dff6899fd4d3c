"""`pinzhi areas import`, and that every service sees what was imported at its next start."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.cli.serve import load
from deploy.topology import SERVICES, Service
from shared.reference import areas
from tests.e2e.running import Running, running
from tests.e2e.test_command_line import pinzhi, refused

TOWNS = "代码,名称,启用日期,有效期止,继任代码,来源\n370602001000,向阳街道,1983,,,区划代码 2023\n"
VILLAGES = "code,name,source\n370602001001,芝罘社区,区划代码 2023\n"


@pytest.fixture
def given(tmp_path: Path) -> Path:
    (tmp_path / "towns.csv").write_text("\ufeff" + TOWNS, encoding="utf-8")
    (tmp_path / "villages.csv").write_text(VILLAGES, encoding="utf-8")
    return tmp_path


@pytest.fixture
def forgotten(tmp_path: Path) -> Iterator[None]:
    yield
    areas.use(tmp_path / "none")


def bring(file: Path, data: Path, *options: str) -> list[str]:
    done = pinzhi("areas", "import", str(file), "--data-dir", str(data), *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_all_rows_or_none(given: Path) -> None:
    data, wrong = given / "var", given / "wrong.csv"
    wrong.write_text(TOWNS + "370602001001,,,,,源\n37,乙,2018-02-30,,,源\n", encoding="utf-8")
    for _ in range(2):
        done = pinzhi("areas", "import", str(wrong), "--data-dir", str(data))
        assert done.returncode == 2
        *told, last = done.stderr.splitlines()
        assert told == [
            "line 3, name: it is empty / 第 3 行“名称”：不能为空",
            "line 4, code: “37”: twelve digits are needed (a town may have the first nine only)"
            " / 第 4 行“代码”：“37”：应为 12 位数字（乡镇也可写前 9 位）",
            "line 4, valid_from: “2018-02-30” is no day such as 2018-06-05"
            " / 第 4 行“启用日期”：“2018-02-30”不是日期，例如 2018-06-05",
        ]
        assert last == f"pinzhi: 3 places are wrong in {wrong}; nothing was imported"
    assert not (data / "reference" / "areas.csv").exists()
    # A village without its town, then with it.
    assert (
        "nothing was imported" in pinzhi("areas", "import", str(given / "villages.csv"), "--data-dir", str(data)).stderr
    )
    assert bring(given / "towns.csv", data, "--dry-run") == [
        "1 new, 0 changed, 0 known already",
        "dry run: nothing was changed",
    ]
    assert not (data / "reference" / "areas.csv").exists()
    assert bring(given / "towns.csv", data)[0] == "1 new, 0 changed, 0 known already"
    assert bring(given / "villages.csv", data)[0] == "1 new, 0 changed, 0 known already"
    kept = (data / "reference" / "areas.csv").read_bytes()
    assert bring(given / "towns.csv", data) == ["0 new, 0 changed, 1 known already"]
    assert (data / "reference" / "areas.csv").read_bytes() == kept


def test_files_that_cannot_be_had(given: Path) -> None:
    data = given / "var"
    assert "cannot be read" in refused(pinzhi("areas", "import", str(given / "none.csv"), "--data-dir", str(data)))
    assert "cannot be read" in refused(pinzhi("areas", "import", str(given), "--data-dir", str(data)))
    (given / "file").write_text("mine")
    line = refused(pinzhi("areas", "import", str(given / "towns.csv"), "--data-dir", str(given / "file")))
    assert "--data-dir" in line
    (data / "reference").mkdir(parents=True)
    (data / "reference" / "areas.csv").write_text("broken")
    line = refused(pinzhi("areas", "import", str(given / "towns.csv"), "--data-dir", str(data)))
    assert str(data / "reference" / "areas.csv") in line
    assert (data / "reference" / "areas.csv").read_text() == "broken"


def test_imports_beside_each_other_are_all_kept(given: Path) -> None:
    data = given / "var"
    bring(given / "towns.csv", data)
    files = []
    for number in range(1, 5):
        files.append(given / f"{number}.csv")
        files[-1].write_text(f"code,name,source\n37060200100{number},村{number},源\n", encoding="utf-8")
    with ThreadPoolExecutor(4) as threads:
        assert len(list(threads.map(lambda file: bring(file, data), files))) == 4
    assert len(areas.imported(data / "reference" / "areas.csv")) == 5


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_each_service_reads_them_at_its_start(given: Path, service: Service, forgotten: None) -> None:
    folder = given / "elsewhere"
    bring(given / "towns.csv", given / "var", "--reference-dir", str(folder))
    areas.use(given / "none")
    assert areas.get("370602001") is None
    settings = load(service.settings)(
        data_dir=given / "var", reference_dir=folder, database_url=f"sqlite:///{given}/x.db", bus_url="memory:"
    )
    load(service.factory)(settings)
    town = areas.get("370602001000")
    assert town is not None
    assert town.name == "向阳街道"


def test_a_running_platform_sees_them_at_its_next_start(given: Path) -> None:
    data = given / "var"

    def towns(up: Running) -> list[str]:
        answer = up.http.get("/v1/indicators/areas", params={"within": "370602"})
        assert answer.status_code == 200, answer.text
        return [area["name"] for area in answer.json()["items"]]

    with running(data, demo=False) as up:
        bring(given / "towns.csv", data)
        assert towns(up) == ["芝罘区"]
    with running(data, demo=False) as up:
        assert towns(up) == ["芝罘区", "向阳街道"]
    (data / "reference" / "areas.csv").write_text("broken")
    line = refused(pinzhi("up", "--data-dir", str(data), "--port", str(up.port)))
    assert str(data / "reference" / "areas.csv") in line
