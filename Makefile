# make demo · make test · make test-slurm: each installs what it needs, and is quick when nothing is to be done.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
CORES ?= all
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup demo test test-all test-kills test-slurm browser pictures bench check-gpu check lint types format lock schema clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(INSTALLED)  ## make .venv with the pinned dependencies

$(INSTALLED): envs/requirements.lock pyproject.toml
	@echo "Installing pinned dependencies into $(VENV): about 6 GB, a few minutes, once."
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if v >= (3, 11) else "Python 3.11 or newer is needed, %s is %d.%d; set PYTHON=..." % (sys.executable, *v))'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r envs/requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(INSTALLED)  ## run the embedded suite and print where its figures are
	@echo "Running the suite 'embedded' (about 6 minutes on two idle cores the first time)."
	@snakemake --cores $(CORES) --config suite=embedded
	@echo; echo "Figures (PDF, PNG, and their numbers as CSV):"
	@ls results/figures/embedded/*.pdf
	@echo "Browse all results in one page: results/explorer/embedded/index.html"

PYTEST_ALL := pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: $(INSTALLED)  ## run the everyday tests (at most 6 minutes on two cores)
	@$(PYTEST_ALL) -m "not slow and not campaign" $(PYTEST)

test-all: $(INSTALLED)  ## run all tests: whole workflows, browsers, kills, damage
	@$(PYTEST_ALL) $(PYTEST)

# Debian and Ubuntu, as root or with passwordless sudo. The cluster is stopped however the tests end.
test-slurm: $(INSTALLED)  ## install a one-node Slurm and run the workflow on it
	@tests/slurm/cluster.sh install
	@trap 'tests/slurm/cluster.sh stop' EXIT; tests/slurm/cluster.sh start \
		&& WHYPRETRAIN_SLURM=required pytest tests/slurm $(PYTEST)

KILLS ?= 50
test-kills: $(INSTALLED)  ## kill the tiny suite at 50 random moments, and every stage at every change of its files
	@pytest tests/reliability/test_kills.py tests/reliability/test_crash_points.py --kills $(KILLS) -v

browser:  ## install Debian's Chromium and Firefox for the tests of the explorer's page (skipped without)
	@{ command -v chromedriver && command -v firefox-esr; } >/dev/null || { $(SUDO) apt-get -qq -o DPkg::Lock::Timeout=300 update && \
		$(SUDO) apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends chromium chromium-driver firefox-esr >/dev/null; }

pictures: demo browser  ## retake the docs' pictures of the embedded suite
	@python -m tests.report.explorer.pictures

bench: $(INSTALLED)  ## measure speed against naive extraction (about 45 minutes on two cores)
	@python -m validation.benchmarks.inputs
	@python -m validation.benchmarks.bench

check-gpu: $(INSTALLED)  ## check exactness, repeatability and speed on a CUDA card (6 minutes, offline)
	@PYTHONPATH=src$${PYTHONPATH:+:$$PYTHONPATH} python -m validation.check_gpu

check: lint types  ## check lint, format and types

lint: $(INSTALLED)
	@echo "Checking lint and format."
	@ruff check .
	@ruff format --check .
	@snakefmt --check Snakefile workflow
	@snakemake --lint
	@lint-imports --no-logo --no-cache

types: $(INSTALLED)
	@echo "Checking types."
	@mypy

format: $(INSTALLED)  ## format all code
	@ruff check --fix-only .
	@ruff format .
	@snakefmt Snakefile workflow

lock: $(INSTALLED)  ## resolve pyproject.toml into envs/ again
	@uv pip compile pyproject.toml --extra workflow --extra dev --universal --python-version 3.11 \
		--generate-hashes --quiet --no-header --output-file envs/requirements.lock
	@python envs/conda.py

schema: $(INSTALLED)  ## write the configuration's schema and reference from the types
	@python -m whypretrain.settings schema > workflow/schemas/config.schema.json
	@python -m whypretrain.settings reference > docs/configuration.md

clean:  ## delete results (not .venv)
	@rm -rf results .snakemake
