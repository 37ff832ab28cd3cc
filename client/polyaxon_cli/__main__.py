"""`python -m polyaxon_cli` is the same as `polyaxon`."""

from __future__ import annotations

from polyaxon_cli.main import main

if __name__ == "__main__":
    main()
