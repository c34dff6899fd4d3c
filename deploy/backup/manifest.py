"""`manifest.json` of a backup: what it holds, from when, and the hash of every file. It is written last: a set without
it, or with a file that is not as it says, is not restored.
"""

import hashlib
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from deploy.cli.errors import CliError

NAME = "manifest.json"
FORMAT = 1
_CHUNK = 1 << 20


@dataclass(frozen=True)
class ServicePart:
    revision: str
    tables: dict[str, int]
    """Rows of each table."""
    epoch: int
    outbox: int
    """Events that the service has published in all (the sum of its sequences)."""
    inbox: int
    """Events that it has applied in all."""


@dataclass(frozen=True)
class LogPart:
    kind: str
    """`sqlite` (one file) or `kafka` (a file for each partition)."""
    epoch: int
    records: dict[str, int] = field(default_factory=dict)
    """Of each file, for a Kafka."""
    ends: dict[str, dict[str, int]] = field(default_factory=dict)
    groups: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    """Group -> topic -> partition -> committed offset."""


@dataclass(frozen=True)
class Manifest:
    taken_at: str
    databases: str
    """`sqlite` or `postgresql`."""
    services: dict[str, ServicePart]
    log: LogPart
    files: dict[str, list[Any]]
    """Path in the set -> [bytes, SHA-256]."""
    held_seconds: float = 0.0
    """How long consumers were held."""
    format: int = FORMAT


def write(folder: Path, manifest: Manifest) -> None:
    data = orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    path = folder / NAME
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> Manifest:
    """Raises CliError for what is no complete backup."""
    path = folder / NAME
    if not path.is_file():
        raise CliError(
            f"{folder} 不是完整的备份：没有 {NAME} / {folder} is no complete backup: it has no {NAME}; "
            "name the folder that `pinzhi backup` made"
        )
    try:
        body = orjson.loads(path.read_bytes())
        if body["format"] != FORMAT:
            raise CliError(f"{path}: format {body['format']}; this version reads format {FORMAT}")
        services = {name: ServicePart(**part) for name, part in body.pop("services").items()}
        return Manifest(**body | {"services": services, "log": LogPart(**body["log"])})
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise CliError(f"{path} 已损坏 / {path} is damaged: {error}; use another backup") from error


def check(folder: Path, manifest: Manifest) -> None:
    """Every file is there, whole and unchanged, and no other is. Raises CliError that names the first that is not."""
    for name, (size, digest) in sorted(manifest.files.items()):
        path = folder / name
        if not path.is_file():
            raise CliError(f"备份缺少文件 {path} / the backup lacks {path}; use another backup")
        if path.stat().st_size != size or digest_of(path) != digest:
            raise CliError(f"备份中的 {path} 已改变 / {path} of the backup was changed; use another backup")
    known = set(manifest.files) | {NAME}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in known:
            raise CliError(f"{path} 不属于此备份 / {path} does not belong to the backup; move it away")


def list_files(folder: Path) -> dict[str, list[Any]]:
    """Sizes and hashes of what is there, and every byte and name safe on the medium."""
    found: dict[str, list[Any]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            sync(path)
        elif path.is_file():
            path.chmod(0o600)
            sync(path)
            found[path.relative_to(folder).as_posix()] = [path.stat().st_size, digest_of(path)]
    return found


def digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
