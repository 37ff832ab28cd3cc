"""Calls that keep files of a run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from polyaxon_client.tracking import artifacts
from polyaxon_client.tracking.artifacts import PathLike
from polyaxon_client.tracking.environment import tracked

if TYPE_CHECKING:
    from polyaxon_client.tracking.media import Content
    from polyaxon_client.workers.sender import Sender
    from polyaxon_client.workers.target import Target

Metadata = dict[str, Any]


class Keeping:
    """What a run leaves beside numbers: files with a type, by which they can be shown.

    Files are read in the background and sent when the server is there: one that is overwritten meanwhile is sent as it
    is then. ``flush()`` waits for them. What cannot be kept is said once, and training goes on.
    """

    kind: str
    outputs_store: Any
    outputs_path: str | None
    _sender: Sender | None
    _target: Target

    if TYPE_CHECKING:

        def _warn(self, kind: str, text: str) -> None: ...

    @tracked
    def log_artifact(
        self,
        path: PathLike,
        name: str | None = None,
        artifact_type: str | None = None,
        step: int | None = None,
        metadata: Metadata | None = None,
    ) -> None:
        """Keep a file.

        Args:
            name: its path among the run's outputs; by default where it is there, or its own name.
            artifact_type: what it is, one of ``artifacts.TYPES``; by default told by its suffix.
            step: position in the training. metadata: whatever describes it.
        """
        self._keep(Path(path), name, artifact_type, step, metadata)

    @tracked
    def log_artifacts(
        self,
        path: PathLike,
        name: str | None = None,
        artifact_type: str | None = None,
        step: int | None = None,
        metadata: Metadata | None = None,
    ) -> None:
        """Keep a folder with all files in it, each by its checksum: what the server has is not sent."""
        self._keep(Path(path), name, artifact_type, step, metadata)

    log_output = log_artifact
    log_outputs = log_artifacts
    log_file = log_artifact

    @tracked
    def log_image(self, data: Any, name: str = "image", step: int | None = None) -> None:
        """Keep an image: a file, encoded bytes, a PIL image, or an array.

        Shapes: H x W, H x W x C or C x H x W; bytes, or floats from 0 to 1.
        """
        self._log_media("image", data, name, step, lambda media: media.image(data))

    @tracked
    def log_figure(self, figure: Any, name: str = "figure", step: int | None = None) -> None:
        """Keep a figure of matplotlib (as PNG) or plotly (as JSON)."""
        self._log_media("figure", figure, name, step, lambda media: media.figure(figure))

    @tracked
    def log_audio(self, data: Any, name: str = "audio", sample_rate: int = 44_100, step: int | None = None) -> None:
        """Keep a sound: a file, encoded bytes, or samples from -1 to 1, one row a moment, one column a channel."""
        self._log_media("audio", data, name, step, lambda media: media.audio(data, sample_rate))

    @tracked
    def log_html(self, html: Any, name: str = "page", step: int | None = None) -> None:
        """Keep a page: text, a ``Path``, or an object that shows itself as HTML."""
        named = html if isinstance(html, Path) else None
        self._log_media("html", named, name, step, lambda media: media.html(html))

    @tracked
    def log_table(
        self, data: Any, name: str = "table", columns: list[str] | None = None, step: int | None = None
    ) -> None:
        """Keep a table: a file, a data frame, rows as mappings, or rows with ``columns``."""
        self._log_media("table", data, name, step, lambda media: media.table(data, columns))

    @tracked
    def log_text(self, text: str, name: str = "text", step: int | None = None) -> None:
        self._log_media("text", None, name, step, lambda media: media.text(text))

    @tracked
    def log_model(
        self,
        path: PathLike,
        name: str | None = None,
        framework: str | None = None,
        step: int | None = None,
        metadata: Metadata | None = None,
    ) -> None:
        """Keep a model, a file or a folder."""
        known = {**(metadata or {}), **({"framework": framework} if framework else {})}
        self._keep(Path(path), name, "model", step, known or None)

    @tracked
    def log_checkpoint(
        self, path: PathLike, name: str | None = None, step: int | None = None, metadata: Metadata | None = None
    ) -> None:
        """Keep a checkpoint, a file or a folder."""
        self._keep(Path(path), name, "checkpoint", step, metadata)

    def _log_media(self, kind: str, value: Any, name: str, step: int | None, make: Callable[[Any], Content]) -> None:
        from polyaxon_client.tracking import media  # noqa: PLC0415 - many runs have none

        try:
            file = media.as_file(value)
            place = f"{artifacts.safe_name(name)}/{step:08}" if step is not None else artifacts.safe_name(name)
            if file is not None:
                self._keep(file, f"{kind}s/{place}{file.suffix}", kind, step, None, shown=name)
                return
            content = make(media)
            self._write(content.data, f"{kind}s/{place}{content.suffix}", kind, step, content.metadata, name)
        except Exception as error:  # noqa: BLE001 - objects of other libraries may raise anything; training goes on
            self._warn(f"media-{kind}", f"{kind} {name!r} is not kept: {error}")

    def _write(self, data: bytes, path: str, kind: str, step: int | None, metadata: Metadata, name: str) -> None:
        """Keep what is only in memory: in the outputs folder, else in a file that goes when it was sent."""
        if self._local_outputs is not None:
            file = self._local_outputs / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            self._send(file, path, kind, step, metadata, name)
            return
        if not self._takes_files:
            return
        import tempfile  # noqa: PLC0415 - as above

        descriptor, place = tempfile.mkstemp(prefix="polyaxon-artifact-")
        with os.fdopen(descriptor, "wb") as written:
            written.write(data)
        self._send(Path(place), path, kind, step, metadata, name, temporary=True)

    def _keep(
        self,
        path: Path,
        name: str | None,
        kind: str | None,
        step: int | None,
        metadata: Metadata | None,
        shown: str | None = None,
    ) -> None:
        try:
            if kind is not None and kind not in artifacts.TYPES:
                self._warn(f"type-{kind}", f"there is no type {kind!r} of artifacts; use one of {_types()}")
                kind = None
            if self.outputs_store is not None:
                store = self.outputs_store
                (store.upload_dir if path.is_dir() else store.upload_file)(str(path))
                return
            if self._local_outputs is not None:
                kept = artifacts.copy_into(self._local_outputs, path, name)
                self._send(kept, _below(self._local_outputs, kept), kind, step, metadata, shown)
            elif self._takes_files:
                self._send(path, artifacts.safe_name(name or path.absolute().name), kind, step, metadata, shown)
            else:
                self._warn("outputs", f"{path} is not kept: this run has no outputs folder on this machine")
        except Exception as error:  # noqa: BLE001 - a store may raise anything; training goes on
            self._warn("artifact", f"{path} is not kept: {error}")

    def _send(
        self,
        source: Path,
        path: str,
        kind: str | None,
        step: int | None,
        metadata: Metadata | None,
        name: str | None = None,
        temporary: bool = False,
    ) -> None:
        if self._sender is None or not self._takes_files:
            return
        for files in artifacts.described(source, path, kind, step, metadata, name, temporary):
            self._sender.upload(self._target, files)

    @property
    def _local_outputs(self) -> Path | None:
        known = self.outputs_path
        return Path(known) if known and not artifacts.is_remote(known) else None

    @property
    def _takes_files(self) -> bool:
        """Groups have no outputs of their own."""
        return self._sender is not None and self.kind in {"experiments", "jobs"}


def _below(root: Path, path: Path) -> str:
    return path.relative_to(root.resolve()).as_posix()


def _types() -> str:
    return ", ".join(sorted(artifacts.TYPES))
