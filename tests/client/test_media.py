"""Images, figures, sounds, pages and tables as files that other programs can read."""

from __future__ import annotations

import csv
import io
import wave
from types import SimpleNamespace
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from polyaxon_client.tracking import artifacts, media

mpl.use("agg")


def pixels(content: media.Content) -> Any:
    return np.asarray(Image.open(io.BytesIO(content.data)))


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([None, 1, 2, 3, 4]),
    st.integers(0, 1000),
)
def test_arrays_come_back_as_they_were(height: int, width: int, channels: int | None, seed: int) -> None:
    shape = (height, width) if channels is None else (height, width, channels)
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    content = media.image(array)
    assert content.suffix == ".png"
    assert content.metadata == {"width": width, "height": height}
    assert np.array_equal(pixels(content), array.squeeze(2) if channels == 1 else array)


def test_floats_planes_first_and_what_is_like_a_tensor() -> None:
    array = np.array([[0.0, 1.0], [0.5, 2.0]])
    assert pixels(media.image(array / 2)).tolist() == [[0, 128], [64, 255]]
    assert pixels(media.image(array * 100)).tolist() == [[0, 100], [50, 200]]
    assert pixels(media.image(np.zeros((3, 5, 7)))).shape == (5, 7, 3)
    assert pixels(media.image([[True, False]])).shape == (1, 2)
    tensor = SimpleNamespace(detach=lambda: SimpleNamespace(cpu=lambda: SimpleNamespace(numpy=lambda: array)))
    assert pixels(media.image(tensor)).shape == (2, 2)


def test_images_of_others() -> None:
    picture = Image.new("RGB", (4, 3), "red")
    assert pixels(media.image(picture)).shape == (3, 4, 3)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG")
    assert media.image(buffer.getvalue()) == (buffer.getvalue(), ".jpg", {})


@pytest.mark.parametrize("value", [np.zeros(3), np.zeros((2, 2, 5)), np.full((2, 2), np.nan), np.array([["a"]])])
def test_what_is_no_image(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        media.image(value)


def test_figures() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2, 3])
    for value in (figure, axes):
        assert pixels(media.figure(value)).shape[2] == 4
    plotly = SimpleNamespace(to_plotly_json=dict, to_json=lambda: "{}")
    assert media.figure(plotly) == (b"{}", ".json", {"format": "plotly"})
    with pytest.raises(TypeError):
        media.figure(3)


def test_sounds() -> None:
    samples = np.stack([np.linspace(-2, 2, 100), np.zeros(100)], axis=1)
    content = media.audio(samples, 8000)
    with wave.open(io.BytesIO(content.data)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 8000, 100)
        frames = np.frombuffer(file.readframes(100), "<i2").reshape(100, 2)
    assert (frames[0, 0], frames[-1, 0], frames[50, 1]) == (-32767, 32767, 0)
    assert content.metadata == {"sample_rate": 8000, "seconds": 0.0125}
    assert media.audio([0.5, -0.5]).data[:4] == b"RIFF"


def test_pages() -> None:
    assert media.html("<b>ü</b>").data == "<b>ü</b>".encode()
    assert media.html(SimpleNamespace(_repr_html_=lambda: "<i>x</i>")).data == b"<i>x</i>"
    with pytest.raises(TypeError):
        media.html(3)


def rows(content: media.Content) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.data.decode())))


def test_tables() -> None:
    found = media.table([{"a": 1, "b": "x,y"}, {"b": 2, "c": None}])
    assert rows(found) == [["a", "b", "c"], ["1", "x,y", ""], ["", "2", ""]]
    assert found.metadata == {"rows": 2, "columns": ["a", "b", "c"]}
    assert rows(media.table([(1, 2), (3, 4)], ["p", "q"])) == [["p", "q"], ["1", "2"], ["3", "4"]]
    frame = SimpleNamespace(to_csv=lambda **_: "a\n1\n", columns=["a"])
    with pytest.raises(TypeError):  # it has no length
        media.table(frame)


@given(st.text())
def test_names_are_safe_paths(name: str) -> None:
    safe = artifacts.safe_name(name)
    parts = safe.split("/")
    assert parts
    assert not {"", ".", ".."} & set(parts)
    assert not any(ord(character) < 32 or character in "\\:" for character in safe)
