# Two commands for a fresh machine: `make search` and `make test` set up all they need and then run.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: search test lint clean

search: $(READY)
	$(BIN)/nasgen search --task digits --evaluations 20

test: $(READY) lint
	$(BIN)/python -m pytest -m "not slow and not ray" -n logical --maxprocesses 8 --durations=10
	$(BIN)/python -m pytest -m "ray and not slow" --durations=10

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info
