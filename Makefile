# Pinzhi. `make run` gives the whole platform on this machine; `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PORT ?= 8000
DATA_DIR ?= var
PYTHON ?= python3
TESTS ?=
WORKERS ?= 2
CASES ?=
COMMIT ?= HEAD~1
SERVICE ?=
NAME ?=
SCALE ?= 1
COMPOSE ?= docker compose
SECURE ?=

VENV := .venv
BIN := $(VENV)/bin
CODE := services shared deploy
ALL_CODE := $(CODE) tests bench chaos

.PHONY: help run test check fmt new-domain migration bench beside chaos postgres kafka compose-test clean format-check lint types imports

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.run ## the four services and the portal with demo data [PORT=8000] [DATA_DIR=var]
	@$(BIN)/python -m compileall -q $(CODE)
	@exec $(BIN)/pinzhi up --demo --port $(PORT) --data-dir $(DATA_DIR)

test: $(VENV)/.dev ## every test, on two cores [WORKERS=2], or some of them [TESTS=tests/credit]
	@$(BIN)/pytest $(or $(TESTS),--numprocesses=$(WORKERS) --dist=loadfile)

check: $(VENV)/.dev ## format, lint, types, import contracts
	@$(MAKE) --jobs=4 --output-sync=target --keep-going format-check lint types imports

format-check:
	@$(BIN)/ruff format --check $(ALL_CODE)
lint:
	@$(BIN)/ruff check $(ALL_CODE)
types:
	@$(BIN)/mypy
imports:
	@$(BIN)/lint-imports --no-cache

fmt: $(VENV)/.dev ## format the code and mend what the linter can
	@$(BIN)/ruff check --fix-only --quiet $(ALL_CODE)
	@$(BIN)/ruff format $(ALL_CODE)

new-domain: $(VENV)/.dev ## a domain that runs, to start from: SERVICE=credit NAME=repairs
	@$(BIN)/python -m deploy.scaffold domain $(SERVICE) $(NAME)
migration: $(VENV)/.dev ## from what the models of a service have changed: SERVICE=credit NAME=repairs
	@$(BIN)/python -m deploy.scaffold migration $(SERVICE) $(NAME)

bench: $(VENV)/.dev ## measure against the floors, writes bench/RESULTS.md [CASES="scan-warm start"] [SCALE=0.1]
	@$(BIN)/python -m compileall -q $(CODE) bench
	@$(BIN)/python -m bench --scale $(SCALE) $(CASES)

beside: $(VENV)/.dev ## CPU a request beside an earlier commit: COMMIT=4f5bbf5 [CASES="scan event"]
	@$(BIN)/python -m compileall -q $(CODE) bench
	@$(BIN)/python -m bench.beside $(COMMIT) $(if $(CASES),--only $(CASES))

chaos: $(VENV)/.dev ## full-size faults, writes docs/ops/chaos.md [CASES="storm"] [SCALE=0.1]
	@$(BIN)/python -m chaos --scale $(SCALE) $(CASES)

postgres: $(VENV)/.run ## a private PostgreSQL until Ctrl-C
	@exec $(BIN)/python -m deploy.local.postgres

kafka: $(VENV)/.run ## a private Kafka until Ctrl-C [SECURE=1: TLS, users, access lists]
	@exec $(BIN)/python -m deploy.local.kafka $(if $(filter-out 0,$(SECURE)),--secure)

compose-test: $(VENV)/.dev ## the composed system: up, the tour, each container killed, down [COMPOSE="docker compose"]
	@COMPOSE='$(COMPOSE)' $(BIN)/python -m tests.compose

clean: ## remove what was built; data under var/ stays
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis .pytest_cache
	@find $(CODE) tests bench chaos -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment: made anew only when the pinned requirements changed -----------------------------------------
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  found=$$($(PYTHON) --version 2>/dev/null || echo "not there"); \
	  echo "Pinzhi needs Python 3.11 or newer; '$(PYTHON)' is $$found. Name one: make PYTHON=python3.12 ..." >&2; exit 2; }
	@echo "Making the virtual environment $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "The virtual environment could not be made; on Debian: apt-get install -y python3-venv" >&2; exit 2; }

# Byte-compiled here and not on first use: it takes seconds that a start should not, and the environment may forbid it.
$(VENV)/.run: requirements/run.txt pyproject.toml | $(BIN)/python
	@$(call install,requirements/run.txt)
	@echo "Installing Pinzhi itself ..."
	@$(PIP) --quiet --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib || true
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run | $(BIN)/python
	@$(call install,requirements/dev.txt)
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib || true
	@touch $@

PIP = $(BIN)/python -m pip install --no-input --disable-pip-version-check --no-compile --progress-bar off
define install
total=$$(grep -cE '^[A-Za-z0-9]' $(1)); \
echo "Installing the $$total packages of $(1) ..."; \
$(PIP) --require-hashes -r $(1) \
  | awk -v total="$$total" '/^(Collecting|Requirement already)/ { if (++n % 20 == 0) print "  " n " of " total; fflush() }'
endef
