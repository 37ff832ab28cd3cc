"""docs/cli.md is what the commands say of themselves, and tells of every exit code."""

from __future__ import annotations

from pathlib import Path

from polyaxon_cli.reference import MARKER, reference

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def test_the_reference_is_up_to_date() -> None:
    _, _, written = PAGE.read_text().partition(MARKER)
    assert written.strip() == reference().strip(), "run `python -m polyaxon_cli.reference docs/cli.md`"


def test_every_command_is_in_it() -> None:
    text = reference()
    for command in ("experiment compare", "group top", "config profile use", "admin teardown", "run", "doctor"):
        assert f"| `polyaxon {command}`" in text
