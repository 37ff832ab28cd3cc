"""Parts of the cluster's making that need no cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from scripts import run_tests
from tests.cluster import binaries, certificates, golang, places, plan
from tests.cluster.commands import ClusterError, run, run_long
from tests.cluster.identity import NOTE, Identity


def test_note_names_the_process_that_wrote_it() -> None:
    child = subprocess.Popen(["sh", "-c", f"{NOTE}; exec sleep 100"], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        noted = Identity.parse(child.stdout.readline())
        assert noted == Identity.of(child.pid)
        assert noted is not None
        assert noted.is_alive()
    finally:
        child.kill()
        child.wait()
    assert not noted.is_alive()


def test_stale_note_ends_no_stranger() -> None:
    stranger = subprocess.Popen(["sleep", "100"])
    try:
        truly = Identity.of(stranger.pid)
        for stale in (replace(truly, tick=truly.tick - 1), replace(truly, boot="another")):
            assert not stale.is_alive()
            stale.end(signal.SIGKILL, 0)
        assert stranger.poll() is None
        truly.end(signal.SIGTERM, 60)
        assert stranger.wait(60) == -signal.SIGTERM
    finally:
        stranger.kill()


@pytest.mark.parametrize("text", ["", "12", "12 boot", "x boot 1", "1 boot x"])
def test_broken_note_names_nobody(text: str) -> None:
    assert Identity.parse(text) is None


def test_process_that_ignores_the_stop_is_killed() -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 1; done"
    child = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    Identity.of(child.pid).end(grace=0.2)
    assert child.wait(60) == -signal.SIGKILL


def test_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "made"
    with pytest.raises(FileNotFoundError), places.made_at_once(target) as folder:
        (folder / "half" / "file").touch()
    assert list(target.parent.iterdir()) == []
    with places.made_at_once(target) as folder:
        (folder / "whole").touch()
        assert not target.exists()
    assert [path.name for path in target.iterdir()] == ["whole"]


def test_what_a_killed_maker_left_goes(tmp_path: Path) -> None:
    code = "import sys, os, signal; from pathlib import Path; from tests.cluster import places\n"
    code += "with places.made_at_once(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "made")], cwd=places.ROOT, check=False)
    assert len(list(tmp_path.iterdir())) == 1
    with places.made_at_once(tmp_path / "made"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_another_version_is_another_folder() -> None:
    build = binaries.BUILDS[1]
    assert binaries.KUBERNETES in build.key
    assert len({build.key, replace(build, version="v1.34.0").key, replace(build, flags="-X a=b").key}) == 3


def test_addresses_in_use_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(plan.BLOCK_VARIABLE, "94")
    made = plan.make(tmp_path)
    made.save()
    assert plan.load(tmp_path) == made
    assert (made.node, made.host, made.registry) == ("10.94.0.1", "10.94.0.254", "10.94.0.1:5000")


@pytest.mark.parametrize("folder", ["/var/tmp/cluster", "/run/cluster"])
def test_folder_that_the_node_hides_is_refused(folder: str) -> None:
    with pytest.raises(ClusterError, match="set POLYAXON_TEST_CLUSTER to another folder"):
        plan.make(Path(folder))


def test_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ClusterError, match="holds something else"):
        plan.make(tmp_path)


def test_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "true").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "true")
    with pytest.raises(ClusterError, match="not ours"):
        plan.load(tmp_path / "link")


def test_number_of_a_network_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(plan.BLOCK_VARIABLE, "10.9")
    with pytest.raises(ClusterError, match=r"10\.N\.0\.0/16"):
        plan.make(tmp_path)


def test_certificates_say_who_they_are_for(tmp_path: Path) -> None:
    made = plan.Plan(str(tmp_path), 94)
    certificates.write_all(made)
    folder = certificates.folder(made)
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    kubelet = x509.load_pem_x509_certificate((folder / "kubelet.crt").read_bytes())
    kubelet.verify_directly_issued_by(authority)
    names = {each.oid: each.value for each in kubelet.subject}
    assert names == {NameOID.COMMON_NAME: "system:node:node", NameOID.ORGANIZATION_NAME: "system:nodes"}
    for secret in [*folder.glob("*.key"), *folder.glob("*.conf")]:
        assert secret.stat().st_mode & 0o077 == 0


def test_failing_tool_says_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no such luck"):
        run(["sh", "-c", "echo no such luck >&2; exit 3"])
    with pytest.raises(ClusterError, match=r"(?s)luck.*output.*no such luck"):
        run_long("luck", ["sh", "-c", "echo no such luck; exit 3"], tmp_path / "log")


def test_compiler_says_its_version(tmp_path: Path) -> None:
    for said, version in (("go version go1.26.8 linux/amd64", (1, 26)), ("what?", (0, 0))):
        program = tmp_path / "go"
        program.write_text(f"#!/bin/sh\necho '{said}'\n")
        program.chmod(0o755)
        assert golang.version(program) == version


# Real namespaces in which the machine has no groups of processes.
WITHOUT_GROUPS = 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"'


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take the groups away")
@pytest.mark.parametrize(("ci", "code", "counted"), [("", 0, "1 skipped"), ("true", 1, "1 error")])
def test_machine_that_cannot_skips_with_one_line_but_fails_in_ci(ci: str, code: int, counted: str) -> None:
    test = "tests/cluster/test_cluster.py::test_node_is_ready"
    without = ["unshare", "--mount", "--propagation", "private", "sh", "-c", WITHOUT_GROUPS, "without"]
    done = subprocess.run(
        [*without, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test],
        cwd=places.ROOT,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout
    assert counted in done.stdout
    assert "no cluster can run here: it needs writable cgroups" in done.stdout


@pytest.mark.parametrize(
    ("ci", "outcome", "exit_code"),
    [
        ("true", run_tests.Outcome(skipped=3), 1),
        ("true", run_tests.Outcome(), 1),
        ("true", run_tests.Outcome(passed=1, skipped=2), 0),
        ("", run_tests.Outcome(skipped=3), 0),
    ],
)
def test_skipped_stage_fails_in_ci(
    ci: str, outcome: run_tests.Outcome, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    assert run_tests.as_ci_wants_it("a stage", outcome).exit_code == exit_code


def test_who_waits_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(places.CACHE_VARIABLE, str(tmp_path))
    said: list[str] = []
    lock = places.locked("build")
    lock.__enter__()
    with places.locked_if_free("build") as free:
        assert not free
    release = threading.Timer(0.3, lock.__exit__, (None, None, None))

    def say(line: str) -> None:
        said.append(line)
        release.start()

    monkeypatch.setattr(places, "say", say)
    with places.locked("build"):
        release.join()
    assert [line[:27] for line in said] == ["waiting for another process"]
    with places.locked_if_free("build") as free:
        assert free
