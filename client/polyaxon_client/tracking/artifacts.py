"""Files that a run leaves: copied into its outputs folder where it has one here, and sent to the server with a type."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union

PathLike = Union[str, "os.PathLike[str]"]
TYPES = frozenset(
    (
        *("file", "text", "image", "figure", "audio", "video", "html", "table", "data"),
        *("model", "checkpoint", "code", "diff"),
    )
)
_BY_SUFFIX = {
    "image": ".png .jpg .jpeg .gif .webp .svg .bmp .tiff",
    "audio": ".wav .mp3 .ogg .flac .m4a",
    "video": ".mp4 .webm .mov .avi",
    "html": ".html .htm",
    "table": ".csv .tsv .parquet",
    "model": ".pt .pth .h5 .hdf5 .keras .onnx .pkl .joblib .safetensors .tflite .bst .ubj",
    "checkpoint": ".ckpt",
    "code": ".py .ipynb .sh .r .jl",
    "diff": ".diff .patch",
    "text": ".txt .log .md .json .yaml .yml .toml .ini",
    "data": ".npy .npz .arrow .feather .tfrecord .h5ad",
}
SUFFIXES = {suffix: kind for kind, suffixes in _BY_SUFFIX.items() for suffix in suffixes.split()}
SMALL = 1024 * 1024
AT_ONCE = 200
_UNSAFE = re.compile(r"[\x00-\x1f\\:]")

Described = dict[str, Any]


def is_remote(path: str) -> bool:
    """Whether an outputs path names a bucket."""
    return "://" in path


def type_of(path: Path) -> str:
    """What a file probably is, by its suffix."""
    return SUFFIXES.get(path.suffix.lower(), "file")


def safe_name(name: str) -> str:
    """A relative path out of any name: no empty or upward parts, and no characters that systems refuse."""
    parts = [_UNSAFE.sub("_", part) for part in name.replace("\\", "/").split("/")]
    return "/".join("_" if part == ".." else part for part in parts if part not in {"", "."}) or "_"


def described(
    source: Path,
    path: str,
    kind: str | None = None,
    step: int | None = None,
    metadata: dict[str, Any] | None = None,
    name: str | None = None,
    temporary: bool = False,
) -> Iterator[list[Described]]:
    """A file, or all files of a folder in parts of which each is sent at once; ``path`` is below the outputs.

    Raises:
        OSError: ``source`` is not there.
    """
    if not source.is_dir():
        source.stat()
        yield [_one(source, path, kind, step, metadata, name or path, temporary)]
        return
    batch: list[Described] = []
    for file in _files(source):
        relative = f"{path}/{file.relative_to(source).as_posix()}"
        one = _one(file, relative, kind, step, {**(metadata or {}), "folder": path}, relative, temporary)
        if file.stat().st_size > SMALL:
            yield [one]
            continue
        batch.append(one)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _one(
    file: Path,
    path: str,
    kind: str | None,
    step: int | None,
    metadata: dict[str, Any] | None,
    name: str,
    temporary: bool,
) -> Described:
    return {
        "file": str(file.absolute()),
        "path": path,
        "name": name[:255],
        "type": kind or type_of(file),
        "step": step,
        "metadata": metadata,
        "temporary": temporary,
    }


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = Path(place, name)
            if file.is_file():
                yield file


def copy_into(outputs: Path, source: Path, name: str | None = None) -> Path:
    """Copy a file or folder into ``outputs`` unless it already is there; the path below ``outputs``.

    Args:
        name: path below ``outputs``, by default the source's own name.

    Raises:
        ValueError: ``name`` leads out of ``outputs``.
        OSError: it cannot be read or written.
    """
    root, origin = outputs.resolve(), source.resolve(strict=True)
    target = root / (name or origin.name)
    if not _within(Path(os.path.normpath(target)), root):
        raise ValueError(f"the name {name!r} leads out of the outputs folder")
    if name is None and _within(origin, root):
        return origin
    if origin.is_dir():
        _copy_tree(origin, target, skip=root)
    elif origin != target:
        _copy_file(origin, target)
    return target


def _copy_tree(origin: Path, target: Path, skip: Path) -> None:
    for folder, folders, files in os.walk(origin):
        folders[:] = [name for name in folders if Path(folder, name) != skip]
        for name in files:
            source = Path(folder, name)
            _copy_file(source, target / source.relative_to(origin))


def _copy_file(source: Path, target: Path) -> None:
    """Readers see the old file or the new one, never half of it."""
    import shutil  # noqa: PLC0415 - many runs keep no file

    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        shutil.copy2(source, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _within(path: Path, root: Path) -> bool:
    return path == root or root in path.parents
