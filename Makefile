# `make` alone lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# The newest of the supported interpreters; override with `make PYTHON=python3.12 …`.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.10 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { echo $$p; break; }; done)

# Tests run in so many processes, each with a sandbox of its own; three a core, for many of them wait.
WORKERS ?= 6

# Answers that a soak spoils, for each kind of run of the tap.
FAULTS ?= 100

# Examples that a soak draws for each property.
EXAMPLES ?= 1000

# Histories of the feed that a soak plays, in each of the two databases.
HISTORIES ?= 100

VENV := .venv
BIN := $(VENV)/bin
MELTANO := .venv-meltano/bin/meltano
MELTANO_VERSION := 4.4.1

export MELTANO_SEND_ANONYMOUS_USAGE_STATS := false
export MELTANO_CLI_DISABLE_VERSION_CHECK := true
# Compiled once, and not anew by each of the many processes that tests start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint linters distribution distribution-then-unit format unit bench mutants docs clean soak dist examples site pictures

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/.ready .meltano/.ready  ## Bigin to a warehouse, a CSV to Bigin, and live, against a local Bigin
	@$(BIN)/python demo/run.py

test:  ## Lint, and every test beside the linters (installs what it needs)
	@$(MAKE) --no-print-directory --jobs 2 $(VENV)/.ready $(MELTANO)
	@$(MAKE) --no-print-directory --jobs 2 linters distribution-then-unit

# Not side by side: the distribution writes the package's metadata anew, which the tests read.
distribution-then-unit: distribution
	@$(MAKE) --no-print-directory unit

unit: $(VENV)/.ready .meltano/.ready $(VENV)/.compiled  ## Every test, without the linters
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --durations 10 $(ARGS)

lint: linters distribution  ## Format check, ruff, strict mypy, the walls between the packages, the distribution

linters: $(VENV)/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

distribution: $(VENV)/.ready
	@rm -rf build && mkdir -p build/checked
	$(BIN)/python -m build --no-isolation --outdir build/checked . > build/build.log || { tail -20 build/build.log; exit 1; }
	$(BIN)/twine check --strict build/checked/*

dist: $(VENV)/.ready  ## A wheel and a source distribution, in dist/
	$(BIN)/python -m build --no-isolation
	$(BIN)/twine check --strict dist/*

format: $(VENV)/.ready  ## Let ruff format and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.ready  ## Speed, memory and price, as ratios in one table
	$(BIN)/python -m benchmarks $(ARGS)

mutants: $(VENV)/.ready  ## Single faults in the code that keeps records: which does no test notice?
	PYTHONPATH=tests $(BIN)/python -m mutants $(ARGS)

soak: $(VENV)/.ready  ## People edit while the tap reads, for minutes (ARGS="SECONDS SEED"); spoiled answers; properties; interleavings; dry runs; histories of the feed
	$(BIN)/python -m benchmarks.soak $(or $(ARGS),60)
	FAULTS=$(FAULTS) $(BIN)/python -m pytest tests/tap_bigin/answer_faults/test_drawn.py -o timeout=3600 --numprocesses $(WORKERS)
	EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests -m hypothesis --ignore tests/tap_bigin/test_interleavings.py -o timeout=3600 --numprocesses $(WORKERS)
	EXAMPLES=$(EXAMPLES) INTERLEAVINGS=$(HISTORIES) $(BIN)/python -m pytest tests/tap_bigin/test_interleavings.py -o timeout=3600 --numprocesses $(WORKERS)
	DRY_RUNS=$(HISTORIES) $(BIN)/python -m pytest tests/target_bigin/test_dry_run_differences.py --numprocesses $(WORKERS)
	MUTATIONS=$(HISTORIES) $(BIN)/python -m pytest tests/target_bigin/test_mutations.py --numprocesses $(WORKERS)
	FEED_HISTORIES=$(HISTORIES) FEED_STEPS=12 $(BIN)/python -m pytest tests/bigin_feed/test_histories.py -k warehouse --numprocesses $(WORKERS)

examples: $(VENV)/.ready  ## Every example from its README, in an empty folder (800 MB, minutes)
	$(BIN)/python -m pytest examples/test_examples.py -p no:randomly -o timeout=1800 --durations 0 $(ARGS)

docs: $(VENV)/.ready  ## Write docs/reference anew from the code
	$(BIN)/python docs/generate.py

MKDOCS := NO_MKDOCS_2_WARNING=1 .venv-site/bin/mkdocs build --quiet --strict
MKDOCS_ALONE := SITE_ALONE=true $(MKDOCS)
site: $(VENV)/.ready .venv-site/.ready  ## The docs as a site, in .site/html
	$(BIN)/python docs/site.py
	@$(MKDOCS_ALONE) > .site/build.log 2>&1 || { grep -q "Couldn't retrieve" .site/build.log \
		&& echo "unpkg.com cannot be reached: the pictures' script is fetched from there when a page is opened." \
		&& $(MKDOCS); } || { cat .site/build.log; exit 1; }
	@echo "Open .site/html/index.html"

pictures: $(VENV)/.ready  ## Make docs/pictures anew, from what the commands print
	$(BIN)/python docs/pictures.py

.venv-site/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-site
	.venv-site/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	.venv-site/bin/python -m pip install --quiet --group site
	@touch $@

clean:  ## Remove the environments and everything a run leaves behind
	rm -rf .venv .venv-meltano .venv-site .site .venv-examples .meltano demo/out build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.10 to 3.13 is needed and none was found."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[sandbox,feed]' --group dev
	@touch $@

# Once, by one process: in a fresh clone each worker would compile all of the code and the tests for itself.
$(VENV)/.compiled: $(VENV)/.ready
	@$(BIN)/python -m pytest --collect-only --quiet --quiet > /dev/null || true  # the run itself tells what is wrong
	@touch $@

# Not compiled: of 2,700 files a run imports a few hundred, and keeps those compiled.
$(MELTANO):
	$(PYTHON) -m venv .venv-meltano
	.venv-meltano/bin/python -m pip install --quiet --no-compile meltano==$(MELTANO_VERSION)

.meltano/.ready: $(MELTANO) meltano.yml pyproject.toml
	$(MELTANO) --log-level=warning install
	@touch $@
