# Everything happens in .venv. `make PYTHON=python3.12 test` chooses another Python; ARGS goes to the command.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
ARGS ?=
# Processes for the tests that load does not disturb.
JOBS ?= 2
# The same on each GPU.
GPU_JOBS ?= 5

.PHONY: help demo test gpu-test bench lint chaos clean
.DEFAULT_GOAL := help

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

demo: $(VENV)/.installed ## a real search on bundled problems, three to ten minutes after installing
	$(BIN)/egg demo $(ARGS)

test: $(VENV)/.installed-dev ## the test suite
	$(BIN)/python tests/in_two_parts.py $(JOBS) $(ARGS)

gpu-test: $(VENV)/.installed-dev ## what needs an NVIDIA GPU, on all of them
	$(BIN)/python tests/on_gpus.py $(GPU_JOBS) $(ARGS)

chaos: $(VENV)/.installed-dev ## slow fault injection: kills, full disks, lost workers
	$(BIN)/python -m pytest -m chaos $(ARGS)

lint: $(VENV)/.installed-dev ## style, and that imports point one way
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

bench: $(VENV)/.installed ## 60 s of search on each bundled problem; goes on where it stopped
	$(BIN)/egg bench --budget 60s --out runs/bench $(ARGS)

clean: ## remove .venv; run directories stay
	rm -rf $(VENV)

$(VENV)/.installed: pyproject.toml $(BIN)/python
	$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(BIN)/python
	$(PIP) install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.installed

$(BIN)/python:
	@command -v g++ >/dev/null || { echo "make: no g++ on PATH; install it, for example: apt-get install g++" >&2; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "make: no $(PYTHON) on PATH; use make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is $$($(PYTHON) -V 2>&1), 3.11 or newer is needed; use make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "make: $(PYTHON) cannot make a venv; install it, for example: apt-get install python3-venv" >&2; exit 1; }
	@echo "making $(VENV) and installing; this takes a few minutes the first time"
	@$(PYTHON) -m venv $(VENV)
