"""Objects of training code as files: images, figures, audio, pages and tables.

Objects are known by what they can do (``savefig``, ``to_csv``, ``__array__``), so no library is imported.
"""

from __future__ import annotations

import csv
import io
import math
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple


class Content(NamedTuple):
    """A file that is not written yet: its bytes, suffix with the dot, and what is to be known of it."""

    data: bytes
    suffix: str
    metadata: dict[str, Any]


_IMAGES = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"RIFF": ".webp"}
_PIXEL = 255
_GREY, _GREY_ALPHA, _RGB, _RGBA = 1, 2, 3, 4
_COLOUR_TYPES = {_GREY: 0, _GREY_ALPHA: 4, _RGB: 2, _RGBA: 6}
_PLANES, _SHEET = 3, 2
_SAMPLE = 32767


def as_file(value: Any) -> Path | None:
    """The path when ``value`` names a file instead of being one."""
    return Path(value) if isinstance(value, (str, Path)) else None


def image(value: Any) -> Content:
    """PNG of an array (H x W, H x W x C or C x H x W; bytes, or floats from 0 to 1) or of what has ``save``.

    Bytes stay as they are.

    Raises:
        TypeError, ValueError: it is no image.
    """
    if isinstance(value, (bytes, bytearray)):
        suffix = next((suffix for start, suffix in _IMAGES.items() if value.startswith(start)), ".png")
        return Content(bytes(value), suffix, {})
    if hasattr(value, "save") and hasattr(value, "size") and not hasattr(value, "shape"):
        buffer = io.BytesIO()
        value.save(buffer, format="PNG")
        width, height = value.size
        return Content(buffer.getvalue(), ".png", {"width": width, "height": height})
    pixels = _plane_last(_array(value))
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if len(pixels.shape) == _PLANES else _GREY
    if channels not in _COLOUR_TYPES:
        raise ValueError(f"an image has 1 to 4 channels, not {channels}")
    data = _png(_bytes_of(pixels), width, height, channels)
    return Content(data, ".png", {"width": width, "height": height})


def figure(value: Any) -> Content:
    """What has ``savefig`` (matplotlib) as PNG, what has ``to_plotly_json`` as JSON.

    Raises:
        TypeError: it is no figure.
    """
    if hasattr(value, "savefig"):
        buffer = io.BytesIO()
        value.savefig(buffer, format="png")
        return Content(buffer.getvalue(), ".png", {"format": "png"})
    if hasattr(value, "to_plotly_json") and hasattr(value, "to_json"):
        return Content(value.to_json().encode(), ".json", {"format": "plotly"})
    if hasattr(value, "figure"):  # an axes
        return figure(value.figure)
    raise TypeError(f"{type(value).__name__} is no figure: it has neither savefig nor to_plotly_json")


def audio(value: Any, sample_rate: int = 44_100) -> Content:
    """WAV of samples from -1 to 1, one row for each moment and a column for each channel; bytes as they are.

    Raises:
        TypeError, ValueError: it is no sound.
    """
    import wave  # noqa: PLC0415 - few runs make sounds

    if isinstance(value, (bytes, bytearray)):
        return Content(bytes(value), ".wav", {})
    rows = _array(value).tolist() if hasattr(value, "shape") or hasattr(value, "__array__") else list(value)
    frames = [row if isinstance(row, list) else [row] for row in rows]
    channels = len(frames[0]) if frames else 1
    samples = [round(max(-1.0, min(1.0, float(x))) * _SAMPLE) for frame in frames for x in frame]
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return Content(buffer.getvalue(), ".wav", {"sample_rate": sample_rate, "seconds": len(frames) / sample_rate})


def html(value: Any) -> Content:
    """Text as it is; of objects what ``_repr_html_`` or ``to_html`` gives.

    Raises:
        TypeError: it is no page.
    """
    for method in ("_repr_html_", "to_html"):
        if hasattr(value, method):
            value = getattr(value, method)()
            break
    if isinstance(value, (bytes, bytearray)):
        return Content(bytes(value), ".html", {})
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is no HTML")
    return Content(value.encode(), ".html", {})


def table(value: Any, columns: list[str] | None = None) -> Content:
    """CSV of what has ``to_csv`` (pandas, polars: ``write_csv``), of rows as mappings, or of rows with ``columns``."""
    if hasattr(value, "to_csv"):
        return Content(value.to_csv(index=False).encode(), ".csv", _shape(value))
    if hasattr(value, "write_csv"):
        return Content(value.write_csv().encode(), ".csv", _shape(value))
    rows = [dict(row) if hasattr(row, "keys") else list(row) for row in value]
    names = columns or list(dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if names:
        writer.writerow(names)
    writer.writerows([row.get(name) for name in names] if isinstance(row, dict) else row for row in rows)
    return Content(text.getvalue().encode("utf-8", "replace"), ".csv", {"rows": len(rows), "columns": names})


def text(value: Any) -> Content:
    return Content(str(value).encode("utf-8", "replace"), ".txt", {})


def _shape(frame: Any) -> dict[str, Any]:
    return {"rows": len(frame), "columns": [str(name) for name in frame.columns]}


def _array(value: Any) -> Any:
    """A numpy array of an array, a tensor on any device, or nested lists."""
    for step in ("detach", "cpu", "numpy"):
        if hasattr(value, step):
            value = getattr(value, step)()
    if hasattr(value, "tobytes") and hasattr(value, "transpose"):
        return value
    if hasattr(value, "__array__"):
        return value.__array__()
    import numpy as np  # noqa: PLC0415 - who gives lists has it, or is told

    return np.asarray(value)


def _plane_last(pixels: Any) -> Any:
    if len(pixels.shape) not in {_SHEET, _PLANES}:
        raise ValueError(f"an image has two or three dimensions, not {len(pixels.shape)}")
    first_is_plane = len(pixels.shape) == _PLANES and pixels.shape[0] in {_GREY, _RGB, _RGBA}
    return pixels.transpose(1, 2, 0) if first_is_plane and pixels.shape[2] not in _COLOUR_TYPES else pixels


def _bytes_of(pixels: Any) -> bytes:
    kind = pixels.dtype.kind
    if kind == "b":
        pixels = pixels.astype("uint8") * _PIXEL
    elif kind == "f":
        low, high = float(pixels.min()), float(pixels.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError("an image has finite values only")
        pixels = pixels.clip(0, 1) * _PIXEL if high <= 1 else pixels.clip(0, _PIXEL)
    elif kind in "iu":
        pixels = pixels.clip(0, _PIXEL)
    else:
        raise TypeError(f"an image has numbers, not {pixels.dtype}")
    return bytes(pixels.round().astype("uint8").tobytes("C"))


def _png(pixels: bytes, width: int, height: int, channels: int) -> bytes:
    """As in ISO/IEC 15948: a header, the compressed rows each after a zero (no filter), the end."""
    stride = width * channels
    rows = b"".join(b"\x00" + pixels[place : place + stride] for place in range(0, len(pixels), stride))
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
