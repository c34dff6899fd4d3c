"""What is installed in an image is what stands in a clone: data, templates and migrations too."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.support.sources import ROOT, name, tracked

PIP = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]


def test_the_wheel_holds_every_file_of_the_product(tmp_path: Path) -> None:
    product = [
        name(path)
        for path in tracked()
        if name(path).split("/")[0] in ("services", "shared", "deploy") and not path.name.startswith(".")
    ]
    for file in [*product, "pyproject.toml"]:
        target = tmp_path / "source" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, target)
    (tmp_path / "source" / "README.md").touch()
    where = ["--wheel-dir", str(tmp_path), str(tmp_path / "source")]
    subprocess.run([*PIP, "--no-deps", "--no-build-isolation", *where], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert "shared/reference/data/areas.csv" in packed
    assert set(product) - packed == set()
    assert not [file for file in packed if file.endswith(".pyc")]
