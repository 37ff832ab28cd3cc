"""Settings of the test run: the server's own, on a data folder that goes when the run ends."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# A worker of a parallel run inherits its parent's folder, and must not share it with the others.
if "POLYAXON_DATA_DIR" not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:
    _folder = tempfile.mkdtemp(prefix="polyaxon-tests-")
    atexit.register(shutil.rmtree, _folder, ignore_errors=True)
    os.environ["POLYAXON_DATA_DIR"] = _folder
os.environ.setdefault("POLYAXON_SECRET_KEY", "only-for-tests-0123456789-0123456789-0123456789")
os.environ.setdefault("POLYAXON_SECRET_INTERNAL_TOKEN", "only-for-tests")

from polyaxon.settings import *  # noqa: F403

# A file, not memory: threads of a test then see one database with real locks.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": str(Path(os.environ["POLYAXON_DATA_DIR"]) / "test.sqlite3")}  # noqa: F405

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; nothing here is a secret
