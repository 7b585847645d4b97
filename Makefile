# `make help` lists the targets. The work is in infra/build (standard library only: it runs before the environment exists).

PYTHON ?= python3
PORT ?= 8000
DATA ?= campaigniq-data
# How many times `make soak` kills the platform under load.
KILLS ?= 50
# How long `make outage` keeps the broker away, in seconds, and how often it kills the front door at each moment.
OUTAGE ?= 60
OUTAGE_KILLS ?= 10
# What `make chaos` does: how many faults, under how many events, drawn by which seed, on how many brokers (1 or 3).
FAULTS ?= 50
BROKERS ?= 1
EVENTS ?= 1000000
SEED ?= 1

BIN := .venv/bin
SETUP := $(PYTHON) -m infra.build
PYTEST := $(BIN)/python -m pytest
QUICK := not slow and not browser and not influx and not kafka and not tmpfs

.DEFAULT_GOAL := help
.PHONY: help up test check coverage format docs dashboard pixel wheel lock upgrade soak outage chaos mutations bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

up: ## Set everything up and start the platform with the demo shop (PORT=8000 DATA=campaigniq-data)
	@$(SETUP) environment dashboard pixel
	@exec $(BIN)/campaigniq up --demo --port $(PORT) --data $(DATA)

test: ## Set everything up, as root on Debian with the programs that tests need, and run all checks and tests
	@$(SETUP) dev-environment dashboard pixel parts checks dashboard-check pixel-check
	@$(PYTEST) --durations=15

check: ## The fast loop: lint, types, layers and the quick tests
	@$(SETUP) dev-environment pixel checks
	@$(PYTEST) -q -m "$(QUICK)" tests/unit tests/laws tests/contract tests/architecture

coverage: ## Show which lines the tests that need no servers reach; tracing makes them take twice as long
	@$(SETUP) dev-environment pixel
	@$(PYTEST) -q -m "$(QUICK)" --cov --cov-report=term tests/unit tests/laws tests/contract

format: ## Mend what lint and format can mend by themselves
	@$(SETUP) dev-environment
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

docs: ## Write docs/configuration.md from the settings models
	@$(SETUP) dev-environment
	@$(BIN)/python -m infra.settings_docs docs/configuration.md

dashboard: ## Build dashboards/dist
	@$(SETUP) environment dashboard

pixel: ## Build ingest/pixel/dist, the script for web pages, unless it outgrows its budget
	@$(SETUP) environment pixel

wheel: ## Build dist/campaigniq-*.whl with the dashboard and the pixel inside
	@$(SETUP) dev-environment dashboard pixel wheel

lock: ## Write the locks after a change of pyproject.toml, keeping what still fits
	@$(SETUP) dev-environment lock

upgrade: ## Write the locks with the newest versions that fit
	@$(SETUP) dev-environment upgrade

soak: ## Kill the platform under load KILLS times and account for every event and message
	@$(SETUP) dev-environment
	@CAMPAIGNIQ_SOAK_KILLS=$(KILLS) $(PYTEST) -q -s -m slow --timeout=0 tests/e2e/test_kill.py

chaos: ## Break workers, Kafka and its disk FAULTS times under EVENTS events, and compare all output with a single pass
	@$(SETUP) dev-environment parts
	@CAMPAIGNIQ_CHAOS_FAULTS=$(FAULTS) CAMPAIGNIQ_CHAOS_EVENTS=$(EVENTS) CAMPAIGNIQ_CHAOS_SEED=$(SEED) \
		CAMPAIGNIQ_CHAOS_BROKERS=$(BROKERS) \
		$(PYTEST) -q -s --timeout=0 tests/chaos/test_chaos.py

outage: ## Kill Kafka for OUTAGE seconds and the front door at every moment, fill its disk, and account for every event
	@$(SETUP) dev-environment parts
	@CAMPAIGNIQ_OUTAGE_S=$(OUTAGE) CAMPAIGNIQ_OUTAGE_KILLS=$(OUTAGE_KILLS) $(PYTEST) -q -s --timeout=0 tests/faults

mutations: ## Break the engine's code in known ways and show that its laws notice each
	@$(SETUP) dev-environment
	@CAMPAIGNIQ_MUTATIONS=all $(PYTEST) -q --timeout=0 tests/laws/test_mutations.py

bench: ## Measure the engine, the platform at rest and the way from event to mail
	@$(SETUP) environment
	@$(BIN)/campaigniq bench engine --json
	@$(BIN)/campaigniq bench idle --json
	@$(BIN)/campaigniq bench latency --json

clean: ## Remove all that these targets made here; data stays
	@$(SETUP) clean
