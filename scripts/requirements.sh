#!/usr/bin/env bash
# Compile requirements/*.in into pinned files with hashes and no addresses. UPGRADE=1 moves every pin.
set -euo pipefail
cd "$(dirname "$0")/../requirements"

python="${PYTHON:-python3}"
tools="$(mktemp -d)"
trap 'rm -rf "$tools"' EXIT

printf 'installing uv into a throw-away environment ...\n'
"$python" -m venv "$tools/venv"
"$tools/venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check uv

compile() {
  local output="$1"
  shift
  printf 'compiling requirements/%s ...\n' "$output"
  "$tools/venv/bin/uv" pip compile --quiet --generate-hashes --no-emit-index-url --no-header --no-annotate \
    --python-version 3.11 ${UPGRADE:+--upgrade} --output-file "$output" "$@"
}

compile build.txt build.in
compile run.txt client.in server.in example.in
# The same version of everything that both sets hold.
compile dev.txt client.in server.in example.in dev.in --constraints run.txt

# Frameworks that the tracking client has callbacks for; tests install them beside .venv.
compile frameworks.txt frameworks.in --override left-out.txt
compile torch.txt torch.in --override left-out.txt

# The client on every Python that it promises, likewise.
compile clients.txt clients.in --universal --python-version 3.9

# What people look at in the browser, likewise.
compile notebook.txt notebook.in
