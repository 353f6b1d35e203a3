# Everything starts here: `make run`, `make call`, `make test`. `make help` lists the rest.
# Needs Python 3.11 or later; as root on Debian or Ubuntu it fetches the rest itself.

PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/pytest

.DEFAULT_GOAL := help
.PHONY: help setup run call test lint test-unit test-integration test-e2e bench containers clean

help:  ## Show what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## Make .venv from requirements-dev.lock (the others do it by themselves)
	@$(PYTHON) stack/bootstrap.py

run: setup  ## Run the whole service with demonstration desks until Ctrl-C (DESKS=answer|silent|busy|decline)
	@$(BIN)/python -m stack.run

call: setup  ## Call 110 at the running service and tell the call's story (FROM= LAT= LON= RADIUS= TALK=)
	@$(BIN)/python -m stack.call

test: lint test-unit test-integration test-e2e  ## Everything that must pass

lint: setup  ## Style, types, and what may depend on what
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test-unit: setup  ## Tests without sockets
	$(PYTEST) tests/unit

test-integration: setup  ## Tests with a real Postgres and Asterisk
	$(PYTEST) tests/integration

test-e2e: setup  ## Calls through a real Asterisk, SIPp and Postgres
	$(PYTEST) tests/e2e

bench: setup  ## Measure against the native dialplan; writes benchmarks/results.json
	$(BIN)/python -m benchmarks

containers: setup  ## Build the images and smoke-run them
	docker/smoke

clean:  ## Remove .venv and caches; var/ (records, recordings) stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
