#!/usr/bin/env bash
# Create or refresh .venv: scripts/install.sh run|dev
#   run  what the server and the example need;  dev  what tests and checks need, too.
# A stamp in .venv names what is installed, so that a call with nothing to do returns at once.
set -euo pipefail
cd "$(dirname "$0")/.."

set_name="${1:-run}"
requirements="requirements/$set_name.txt"
venv=.venv
stamp="$venv/.installed"
logs=.make
started=$SECONDS

say() { printf '%s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

recent_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
version_of() { "$1" -c 'import platform; print(platform.python_version())'; }

# 3.11 first: the pins were resolved for it.
find_python() {
  local candidate
  if [ -n "${PYTHON:-}" ]; then
    command -v "$PYTHON" >/dev/null || fail "PYTHON=$PYTHON is not a program; name a Python >= 3.11"
    recent_enough "$PYTHON" || fail "PYTHON=$PYTHON is not Python >= 3.11 ($("$PYTHON" -V 2>&1 | head -n 1))"
    say "$PYTHON"
    return
  fi
  for candidate in python3.11 python3.12 python3.13 python3; do
    if recent_enough "$candidate"; then say "$candidate"; return; fi
  done
  fail "no Python >= 3.11 found; install one (Debian 12 or newer: apt-get install python3) or set PYTHON"
}

# Runs a command with its output in a file; says every 10 s that it goes on; shows the output's end if it fails.
step() {
  local title="$1" log="$logs/$2.log" begun=$SECONDS spoken=$SECONDS pid
  shift 2
  say "$title ..."
  "$@" </dev/null >"$log" 2>&1 &
  pid=$!
  trap 'kill "$pid" 2>/dev/null || true; exit 130' INT TERM HUP
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    if ((SECONDS - spoken >= 10)); then say "  still at it ($((SECONDS - begun)) s)"; spoken=$SECONDS; fi
  done
  if ! wait "$pid"; then
    tail -n 25 "$log" >&2
    fail "$title: failed (whole output: $log)"
  fi
  trap - INT TERM HUP
}

# Debian ships ensurepip in a package of its own.
need_venv_module() {
  local python="$1" package
  "$python" -c 'import ensurepip, venv' 2>/dev/null && return
  package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail "$python has no venv module; install it (Debian: apt-get install $package) and try again"
  fi
  export DEBIAN_FRONTEND=noninteractive
  step "refreshing Debian's package lists" apt-update apt-get -o Acquire::Retries=3 -qq update
  step "installing Debian's $package" apt-venv \
    apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -qq -y install --no-install-recommends "$package"
}

venv_is_usable() {
  recent_enough "$venv/bin/python" || return 1
  "$venv/bin/python" -m pip --version >/dev/null 2>&1 || return 1
  [ -z "${PYTHON:-}" ] || [ "$(version_of "$python")" = "$(version_of "$venv/bin/python")" ]
}

create_venv() {
  [ -n "$python" ] || python="$(find_python)"
  need_venv_module "$python"
  step "creating $venv with Python $(version_of "$python")" venv "$python" -m venv --clear "$venv"
}

# What decides whether an installed environment still fits: pins, package lists, interpreter, place.
key_of() {
  {
    cat requirements/* pyproject.toml client/pyproject.toml
    ls -d ./*/__init__.py client/*/__init__.py
    version_of "$venv/bin/python"
    pwd
    say "$1"
  } | sha256sum | cut -d ' ' -f 1
}

# Whoever has the tests' set has the server's set, too.
is_installed() {
  [ -f "$stamp" ] || return 1
  grep -qx "$(key_of dev)" "$stamp" || { [ "$set_name" = run ] && grep -qx "$(key_of run)" "$stamp"; }
}

pip_install() {
  env -u PIP_USER -u PIP_TARGET -u PIP_PREFIX -u PYTHONPATH "$venv/bin/python" -m pip install \
    --quiet --no-input --disable-pip-version-check --retries 5 --timeout 60 "$@"
}

# The files pin every package, also those that others need, so pip resolves nothing: it would stumble over extras
# (`coverage[toml]`) as soon as a newer release than the pinned one is out.
install_all() {
  local count
  count="$(grep -c '==' "$requirements")"
  step "installing the build tool" pip-build pip_install --require-hashes --no-deps -r requirements/build.txt
  step "installing $count packages ($requirements)" "pip-$set_name" \
    pip_install --require-hashes --no-deps -r "$requirements"
  step "installing the server and the client from this folder" pip-project \
    pip_install --no-deps --no-build-isolation -e . -e client
}

[ -f "$requirements" ] || fail "unknown set '$set_name'; use run or dev"
if ! mkdir -p "$logs" 2>/dev/null || [ ! -w . ]; then
  fail "$(pwd) cannot be written; the environment goes into it"
fi
if command -v flock >/dev/null; then
  exec 9>"$logs/install.lock"
  flock 9
fi

python=""
if [ -n "${PYTHON:-}" ]; then python="$(find_python)"; fi
venv_is_usable || create_venv
is_installed && exit 0
rm -f "$stamp"
install_all
key_of "$set_name" >"$stamp"
say "installed in $((SECONDS - started)) s"
