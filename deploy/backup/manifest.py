"""`manifest.json` of a backup: what it holds, from when, and the hash of every file. It is written last: a set without
it, or with a file that is not as it says, is not restored.

A set comes from elsewhere, and whoever can change a file can change its hash: nothing that a manifest says leads out of
the set, and nothing that a set needs may be missing from it.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar, Literal, NoReturn

import orjson
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from deploy import topology
from deploy.backup.places import FOLDERS, LOG_FILE, folder_in_backup
from deploy.cli.errors import CliError
from shared.bus.epochs import epoch_in, name_in
from shared.bus.kafka_copy import file_name

NAME = "manifest.json"
FORMAT: Literal[1] = 1
_CHUNK = 1 << 20
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SHOWN = 200


def _in_the_set(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or path.as_posix() != name or _CONTROL.search(name):
        raise ValueError("is no path of a file in the set")
    return name


def _numbered(partitions: dict[str, int]) -> dict[str, int]:
    if set(partitions) != {str(number) for number in range(len(partitions))}:
        raise ValueError("partitions are numbered from 0 without a gap")
    return partitions


Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Topic = Annotated[str, Field(pattern=r"^pinzhi\.[A-Za-z0-9._-]{1,240}$")]
Table = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
File = tuple[Count, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]
"""Bytes and SHA-256."""


@dataclass(frozen=True)
class ServicePart:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    revision: Annotated[str, Field(pattern=r"^[0-9]{4}$")]
    tables: dict[Table, Count]
    """Rows of each table."""
    epoch: Count
    outbox: Count
    """Events that the service has published in all (the sum of its sequences)."""
    inbox: Count
    """Events that it has applied in all."""


@dataclass(frozen=True)
class LogPart:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: Literal["sqlite", "kafka"]
    """One file, or a file for each partition."""
    epoch: Count
    records: dict[str, Count] = field(default_factory=dict)
    """Of each file, for a Kafka."""
    ends: dict[Topic, Annotated[dict[str, Count], AfterValidator(_numbered)]] = field(default_factory=dict)
    groups: dict[str, dict[str, dict[str, Annotated[int, Field(ge=-1, lt=1 << 63)]]]] = field(default_factory=dict)
    """Group -> topic -> partition -> committed offset; a broker may tell -1 for none."""


@dataclass(frozen=True)
class Manifest:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    taken_at: Annotated[str, Field(pattern=r"^[0-9T:+-]{1,40}$")]
    databases: Literal["sqlite", "postgresql"]
    services: dict[str, ServicePart]
    log: LogPart
    files: dict[Annotated[str, AfterValidator(_in_the_set)], File]
    """Path in the set -> bytes, SHA-256."""
    held_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """How long consumers were held."""
    format: Literal[1] = FORMAT


_FORM = TypeAdapter(Manifest)


def write(folder: Path, manifest: Manifest) -> None:
    """Raises CliError for one that could not be read again."""
    data = orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    path = folder / NAME
    _parsed(data, path)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> Manifest:
    """Raises CliError for what is no complete backup."""
    path = folder / NAME
    if path.is_symlink():
        _no_file(path)
    if not path.is_file():
        raise CliError(
            f"{folder} 不是完整的备份：没有 {NAME} / {folder} is no complete backup: it has no {NAME}; "
            "name the folder that `pinzhi backup` made"
        )
    return _parsed(path.read_bytes(), path)


def _parsed(data: bytes, path: Path) -> Manifest:
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _damaged(path, str(error)) from error
    number = body.get("format") if isinstance(body, dict) else None
    if not isinstance(number, int):
        raise _damaged(path, "it does not tell its format")
    if number != FORMAT:
        raise CliError(f"{path}: format {number}; this version reads format {FORMAT}")
    try:
        found = _FORM.validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = _CONTROL.sub("?", "/".join(map(str, first["loc"])))[:_SHOWN]
        raise _damaged(path, f"{place}: {first['msg']}") from error
    if wrong := {service.name for service in topology.SERVICES} ^ set(found.services):
        shown = _CONTROL.sub("?", ", ".join(sorted(wrong)))[:_SHOWN]
        raise _damaged(path, f"services that are missing or unknown: {shown}")
    for topic in found.log.ends:
        if topic != name_in(found.log.epoch, epoch_in(topic)[0]):
            raise _damaged(path, f"{topic} is not of epoch {found.log.epoch}")
    return found


def _damaged(path: Path, reason: str) -> CliError:
    return CliError(f"{path} 已损坏 / {path} is damaged: {reason}; use another backup")


def parts_of(manifest: Manifest) -> set[str]:
    """The files without which nothing can be put in place: those of the databases and of the log."""
    if manifest.databases == "sqlite":
        needed = {f"{service}.db" for service in manifest.services}
    else:
        needed = {f"{name}/{table}.copy" for name, part in manifest.services.items() for table in part.tables}
    if manifest.log.kind == "sqlite":
        return needed | {LOG_FILE}
    return needed | {
        f"log/{file_name(topic, number)}"
        for topic, partitions in manifest.log.ends.items()
        for number in range(len(partitions))
    }


def check(folder: Path, manifest: Manifest) -> None:
    """The manifest names all that an installation needs and nothing else; every file is there, whole and unchanged, and
    no other is. Raises CliError that names the first that is not."""
    found = {path.relative_to(folder).as_posix() for path in _plain_files(folder)}
    needed = parts_of(manifest)
    for name in sorted(needed | set(manifest.files)):
        if name not in found:
            raise CliError(f"备份缺少文件 {folder / name} / the backup lacks {folder / name}; use another backup")
        if name not in manifest.files:
            raise _damaged(folder / NAME, f"it does not name {name}")
    for name in sorted(found - {NAME}):
        if name not in manifest.files or not (name in needed or _is_in_a_folder(name)):
            path = folder / name
            raise CliError(f"{path} 不属于此备份 / {path} does not belong to the backup; move it away")
    for name, (size, digest) in sorted(manifest.files.items()):
        path = folder / name
        if path.stat().st_size != size or digest_of(path) != digest:
            raise CliError(f"备份中的 {path} 已改变 / {path} of the backup was changed; use another backup")


def _is_in_a_folder(name: str) -> bool:
    """Of those whose files are put in place as they are: keys, attachments, registries."""
    return any(name.startswith(folder_in_backup(*each) + "/") for each in FOLDERS)


def _plain_files(folder: Path) -> Iterator[Path]:
    """All files below. Raises CliError for a link, which would bring in what is no part of the set, and for whatever
    else is no file; OSError for a folder that cannot be read."""
    for home, folders, names in os.walk(folder, onerror=_give_up):
        for path in (Path(home, name) for name in (*folders, *names)):
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                yield path
            elif not stat.S_ISDIR(mode):
                _no_file(path)


def _give_up(error: OSError) -> NoReturn:
    raise error


def _no_file(path: Path) -> NoReturn:
    raise CliError(
        f"{path} 是链接或特殊文件，备份中只有普通文件 / {path} is a link or a special file, where a backup has plain "
        "files only; use another backup"
    )


def list_files(folder: Path) -> dict[str, File]:
    """Sizes and hashes of what is there, and every byte and name safe on the medium."""
    found: dict[str, File] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            sync(path)
        elif path.is_file():
            path.chmod(0o600)
            sync(path)
            found[path.relative_to(folder).as_posix()] = (path.stat().st_size, digest_of(path))
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
