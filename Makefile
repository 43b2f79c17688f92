# Two commands do everything on a fresh machine with Python 3.11: `make demo` and `make test`.
# Each makes .venv where it is missing. Another interpreter: make PYTHON=/path/to/python3.11 install

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UNFINISHED := $(VENV)/.installing

.DEFAULT_GOAL := help
.PHONY: help install demo test check benchmark verify

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## make .venv and install the package, at the versions that were tested

# An installation that was cut off may hold half a package that pip takes for a whole one: then it starts afresh. One
# that failed before it wrote anything (no network, versions that exclude each other) leaves .venv as it was.
$(STAMP): pyproject.toml constraints.txt
	@if [ -e $(UNFINISHED) ]; then echo "$(VENV) was left unfinished: starting afresh"; rm -rf $(VENV); fi
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) \
		|| { echo "PYTHON must be a Python 3.11, got $(PYTHON); name yours: make PYTHON=... install"; exit 1; }
	@touch $(UNFINISHED)
	$(BIN)/python -m pip install -c constraints.txt -e ".[dev]" || { \
		find $(VENV)/lib -maxdepth 2 -name site-packages -newer $(UNFINISHED) | grep -q . || rm -f $(UNFINISHED); exit 1; }
	@rm -f $(UNFINISHED) && touch $(STAMP)

demo: $(STAMP)  ## the main job on drawn images, results in runs/demo
	$(BIN)/htl demo --out runs/demo

check: $(STAMP)  ## style, types and JSON files, without the tests
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python scripts/check_json.py

test: check  ## every check and every test; HTL_DATA names the folder with the real data
	$(BIN)/python -m pytest

benchmark: $(STAMP)  ## speed and memory of mining, training and the report
	$(BIN)/python scripts/benchmark_mining.py
	$(BIN)/python scripts/benchmark_heatmaps.py
	$(BIN)/python scripts/benchmark_long_tail.py
	$(BIN)/python scripts/benchmark_report.py

verify: $(STAMP)  ## what the MONAI model zoo checks of a bundle
	$(BIN)/python scripts/verify_bundle.py
