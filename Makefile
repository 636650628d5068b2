# make demo · make test: each sets up what it needs, and is quick when nothing is to be done.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
CORES ?= all
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup demo test bench check lint types format lock schema clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(INSTALLED)  ## make .venv with the pinned dependencies

$(INSTALLED): envs/requirements.lock pyproject.toml
	@echo "Installing pinned dependencies into $(VENV): about 6 GB, a few minutes, once."
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if v >= (3, 11) else "Python 3.11 or newer is needed, %s is %d.%d; set PYTHON=..." % (sys.executable, *v))'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r envs/requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(INSTALLED)  ## run the embedded suite and say where its figures are
	@echo "Running the suite 'embedded' (about 4 minutes on two cores the first time)."
	@python -m whypretrain.watch -- snakemake --cores $(CORES) --config suite=embedded
	@echo; echo "Figures (PDF, PNG, and their numbers as CSV):"
	@ls results/figures/embedded/*.pdf

test: $(INSTALLED)  ## run all tests
	@echo "Running the tests."
	@pytest $(PYTEST)

bench: $(INSTALLED)  ## measure speed against naive extraction (three quarters of an hour on two cores)
	@python -m benchmarks.bench

check: lint types  ## lint, format and type checks

lint: $(INSTALLED)
	@echo "Checking lint and format."
	@ruff check .
	@ruff format --check .
	@snakefmt --check Snakefile workflow
	@snakemake --lint

types: $(INSTALLED)
	@echo "Checking types."
	@mypy

format: $(INSTALLED)  ## format all code
	@ruff check --fix-only .
	@ruff format .
	@snakefmt Snakefile workflow

lock: $(INSTALLED)  ## resolve pyproject.toml into envs/ anew
	@uv pip compile pyproject.toml --extra workflow --extra dev --universal --python-version 3.11 \
		--generate-hashes --quiet --no-header --output-file envs/requirements.lock
	@python envs/conda.py

schema: $(INSTALLED)  ## write the configuration's schema and reference from the types
	@python -m whypretrain.config schema > workflow/schemas/config.schema.json
	@python -m whypretrain.config reference > docs/configuration.md

clean:  ## delete results (not .venv)
	@rm -rf results .snakemake
