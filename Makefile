# The targets a newcomer needs: demo, test, lint. `make help` lists all.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export HOST ?= 127.0.0.1
export PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help demo install install-dev test lint format lock messages

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 26

demo: install ## a running arena with a sample study, on HOST:PORT
	@exec $(BIN)/python manage.py demo

install: $(VENV)/.installed ## the virtual environment alone

install-dev: $(VENV)/.installed-dev ## the same with what tests and lint need

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 12) else "LLMFAO needs Python 3.12 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@echo "Making the virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: requirements.lock $(VENV)/.python
	@echo "Installing the locked dependencies ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python manage.py collectstatic --noinput --verbosity 0
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing what tests and lint need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

test: install-dev ## the whole suite, on SQLite and on PostgreSQL
	TEST_DATABASE=sqlite $(BIN)/python -m pytest -n auto $(ARGS)
	TEST_DATABASE=postgresql $(BIN)/python -m pytest -n auto $(ARGS)

lint: install-dev ## ruff, mypy, import-linter, missing migrations, the deployment check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python manage.py makemigrations --check --dry-run
	LLMFAO_HTTPS=true $(BIN)/python manage.py check --deploy --fail-level WARNING

format: install-dev ## ruff's formatter and its safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: install-dev ## both lock files anew from pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.12 --generate-hashes --no-annotate pyproject.toml -o requirements.lock
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.12 --generate-hashes --no-annotate pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
