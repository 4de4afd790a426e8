# Two commands are the whole story: each does all the set-up that it needs, in .venv beside this file.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Every test that starts a program reads what Python has compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test clean

demo: $(VENV)/.installed
	$(BIN)/kissipo fit digits

test: $(VENV)/.developing
	$(BIN)/python -m pytest -n 2 --dist worksteal

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet -e .
	touch $@

$(VENV)/.developing: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build dist *.egg-info
