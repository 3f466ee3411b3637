# Each target works on a fresh clone with nothing but Python 3.11+ installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUNTIME := $(VENV)/.runtime
SEEDS ?= 1000
FAULTS_PASSES ?= 20

.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(STAMP) $(RUNTIME)

$(RUNTIME): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $(RUNTIME)

demo: $(RUNTIME) ## the whole stack on a synthetic market for 40 seconds, then a summary
	@rm -rf var/demo
	@REGIMEFLOW_STATE=var/demo $(BIN)/regimeflow live --config configs/paper.yaml --run-for 40s

install: $(STAMP) ## the virtual environment with everything

test: $(STAMP) ## all checks and tests, the slices of the long suites included
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet . && $(BIN)/mypy && $(BIN)/lint-imports >/dev/null && echo "checks passed"
	@$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(STAMP) ## lint, types, import contracts, tidy rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest tests/tidy

sim: $(STAMP) ## seeded simulation: make sim SEEDS=20000
	@$(BIN)/python -m tests.sim.batch $(SEEDS)

faults: $(STAMP) ## real processes killed at every step of the order path: make faults FAULTS_PASSES=50
	@FAULTS_PASSES=$(FAULTS_PASSES) $(BIN)/python -m pytest tests/faults -s

drill: $(STAMP) ## halt with 200 working orders: all alive, risk dead, router dead, bus dead; from command to none at the venue
	@DRILL_ORDERS=$(or $(ORDERS),200) $(BIN)/python -m pytest tests/faults/test_drill.py -s

bench: $(STAMP) ## every benchmark, with ratios against bare hops, forwarders and codecs
	@$(BIN)/python -m tests.bench.main

docs: $(STAMP) ## pages generated from the code
	@$(BIN)/python -m tests.tools.generate_docs

image: ## the container image, one for every service
	@deploy/build

up: image ## the stack in containers, each started when what it needs is healthy
	@deploy/compose up --detach
	@deploy/compose ps

down: ## stop it; data stays, working orders are cancelled (make down ORDERS=leave: are left)
	@deploy/stop $(or $(ORDERS),cancel)

compose-test: $(STAMP) ## containers for real: build, up, trade, kill and restart each, down
	@REGIMEFLOW_COMPOSE=1 $(BIN)/python -m pytest -ra tests/e2e/test_compose.py

clean: ## remove what was made here
	@rm -rf $(VENV) .venv-peers build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis var

.PHONY: help demo install test check sim faults drill bench docs clean image up down compose-test
