.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## show the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Everything below sets itself up: the environment is made anew when the requirements change.
.venv/ready: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Viberdesk needs Python 3.11 or newer; {sys.executable} is {v[0]}.{v[1]}. Say which one to use: make PYTHON=python3.12 …")'
	@echo "Setting up .venv, once …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --requirement requirements-dev.txt
	@touch .venv/ready

.PHONY: demo
demo: .venv/ready ## the whole desk on this laptop, with phones to write on
	@$(BIN)/python -m demo $(DEMO)

# One more than processors: who drives a browser mostly waits for it.
WORKERS = $(shell $(PYTHON) -c 'import os; print(len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else os.cpu_count() + 1)')

.PHONY: test
test: .venv/ready ## all tests
	@$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadgroup $(TESTS)

.PHONY: test-crashes
test-crashes: .venv/ready ## the crash points that take minutes: of a broadcast, of a long reply
	@$(BIN)/python -m pytest --numprocesses=auto --dist=load -m crashes \
	  tests/test_broadcasts_crashes.py tests/test_crash_points.py

# Beside its own, the tests of what no story lives through: any others run there by TESTS=… too.
ON_DYNAMODB := tests/dynamodb $(addprefix tests/test_,broadcasts_sending.py broadcasts_planning.py \
  receipts.py orphans.py reports.py forecast.py warnings.py)

.PHONY: test-dynamodb
test-dynamodb: .venv/ready ## every flow and its races on Amazon's own DynamoDB Local
	@$(BIN)/python -m pytest -p tests.dynamodb.engine --numprocesses=auto -m '' $(or $(TESTS),$(ON_DYNAMODB))

.PHONY: check
check: .venv/ready ## style, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: smoke
smoke: .venv/ready ## the main job over HTTP and in a real browser
	@$(BIN)/python -m tests.smoke

.PHONY: rules
rules: .venv/ready ## which test proves which rule of the business; RULE=S2.31 tells one of them
	@$(BIN)/python -m tools.rules $(RULE)

.PHONY: bench
bench: .venv/ready ## round trips, write units, CPU and cold start, into docs/performance.md
	@$(BIN)/python -m bench $(BENCH)

.PHONY: simulate
simulate: .venv/ready ## a business lived in virtual time under faults: SEED=… DAYS=… (SIMULATE=… for more)
	@$(BIN)/python -m simulator $(if $(SEED),--seed $(SEED)) --days $(or $(DAYS),400) $(SIMULATE)

.PHONY: operator
operator: .venv/ready ## the first operator of a fresh deployment: EMAIL=… NAME=… STAGE=…
	@$(BIN)/python -m tools.operator "$(EMAIL)" "$(NAME)"

include tools/cloud.mk
