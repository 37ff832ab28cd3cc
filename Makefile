# Every target works on a fresh clone; `make` alone lists them. Variables a person may set:
#   PYTHON     interpreter for the environment (default: the first Python >= 3.11 found)
#   HOST PORT DATA_DIR POLYAXON_ADMIN_PASSWORD     where and how `make run` and `make serve` serve
#   ARGS       more arguments for pytest or the benchmarks, e.g. make test-fast ARGS="tests/api -k login"

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PY := .venv/bin/python
TYPED := $(wildcard polyaxon api scheduler hpsearch monitors k8s_events client/polyaxon_schemas \
	client/polyaxon_client client/polyaxon_cli manage.py scripts tests/services tests/cluster \
	docker/helper/helper)
# A killed make takes the server with it: without this, kill -9 of make alone would leave it serving.
BOUND := $(if $(shell command -v setpriv),setpriv --pdeathsig SIGKILL --)

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: install ## install, start the server, run the quick-start example, serve on if there is a terminal
	@exec $(BOUND) $(PY) -m scripts.run_quickstart

.PHONY: serve
serve: install ## start only the server (HOST, PORT, DATA_DIR, POLYAXON_ADMIN_PASSWORD)
	@exec $(BOUND) $(PY) manage.py serve \
		--host "$${HOST:-127.0.0.1}" --port "$${PORT:-8000}" --data-dir "$${DATA_DIR:-./data}"

.PHONY: install
install: ## create .venv with what the server and the example need
	@scripts/install.sh run

.PHONY: install-dev
install-dev: ## create .venv with what tests and checks need, too
	@scripts/install.sh dev

.PHONY: test
test: install-dev ## all tests, on SQLite and on Postgres, with real Redis, RabbitMQ and Kubernetes
	@exec $(PY) -m scripts.run_tests $(ARGS)

.PHONY: test-fast
test-fast: install-dev ## the quick tests only, without services
	@exec $(PY) -m pytest -q -n 2 -m "not slow and not services and not cluster" $(ARGS)

.PHONY: lint
lint: install-dev ## style, formatting, types, direction of imports
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy $(TYPED)
	PYTHONPATH=.:client .venv/bin/lint-imports

.PHONY: format
format: install-dev ## format the code and repair what can be repaired
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

.PHONY: bench
bench: install-dev ## run the benchmarks in bench/
	@exec $(PY) -m bench $(ARGS)

.PHONY: services
services: install-dev ## start Postgres, Redis and RabbitMQ for tests and print their addresses, until Ctrl-C
	@exec $(PY) -m tests.services

.PHONY: cluster-up
cluster-up: install-dev ## start a real Kubernetes for tests, as root on Debian; compiles it the first time
	@exec $(PY) -m tests.cluster up

.PHONY: cluster-down
cluster-down: install-dev ## end that Kubernetes and remove everything it made
	@exec $(PY) -m tests.cluster down

.PHONY: openapi
openapi: install-dev ## write docs/openapi.yaml, the description of the REST interface
	@data=$$(mktemp -d) && trap 'rm -rf "$$data"' EXIT && POLYAXON_DATA_DIR="$$data" \
		$(PY) manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

.PHONY: reference
reference: install-dev ## write docs/polyaxonfile-reference.md from the models
	@$(PY) -m polyaxon_schemas.reference > docs/polyaxonfile-reference.md

.PHONY: requirements
requirements: ## compile requirements/*.in into pinned, hashed *.txt (UPGRADE=1 moves every pin)
	@scripts/requirements.sh

.PHONY: clean
clean: ## remove the environment, caches and build results; keeps ./data
	rm -rf .venv .make build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache \
		.coverage htmlcov
	find . -name .git -prune -o \( -name __pycache__ -o -name '*.egg-info' \) -type d -prune -exec rm -rf {} +
