# The targets a newcomer needs: demo, test, lint. `make help` lists all.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export HOST ?= 127.0.0.1
export PORT ?= 8000

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help bench-load bench-pairs demo preflight install install-dev test test-fast lint format docs lock messages screenshots FORCE

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 26

demo: preflight install ## a running arena with a sample study, on HOST:PORT
	@exec $(BIN)/python manage.py demo

install: $(VENV)/.installed staticfiles/staticfiles.json ## the virtual environment alone

install-dev: install $(VENV)/.installed-dev ## the same with what tests and lint need

# The stamp holds the folder it was made in: an environment that was moved here, whose interpreter is
# gone, or whose making was interrupted is made anew. Its own Python is asked from then on.
ifeq ($(shell test "$$(cat $(VENV)/.made 2>/dev/null)" = "$(CURDIR)" && $(BIN)/python -c 'import pip' 2>/dev/null && echo sound),sound)
PREFLIGHT_PYTHON := $(BIN)/python
$(VENV)/.made:
else
PREFLIGHT_PYTHON := $(PYTHON)
$(VENV)/.made: FORCE
endif
	@$(PYTHON) llmfao_site/demo/preflight.py
	@echo "Making the virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@printf '%s' "$(CURDIR)" > $@

# Before the long work: nobody waits for an installation to hear that the port is taken.
preflight:
	@$(PREFLIGHT_PYTHON) llmfao_site/demo/preflight.py port

$(VENV)/.installed: requirements.lock $(VENV)/.made
	@echo "Installing the locked dependencies ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing what tests and lint need ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

staticfiles/staticfiles.json: $(VENV)/.installed $(shell find static -type f)
	@$(BIN)/python manage.py collectstatic --noinput --verbosity 0
	@touch $@

# Python's compiled modules are kept, whatever the environment says: every process of the tests would compile them anew.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n auto --dist worksteal

# What has nothing to do with the database runs once, and so do pages whose every question to the database other tests
# ask on PostgreSQL: see tests/both_databases.py.
test: install-dev ## the whole suite, on SQLite and on PostgreSQL
	@TEST_ASKED=$$(mktemp); export TEST_ASKED; trap 'rm -f "$$TEST_ASKED"' EXIT; \
	TEST_DATABASE=sqlite $(PYTEST) $(ARGS) || failed=yes; \
	TEST_DATABASE=postgresql $(PYTEST) -m "not browser and not redis and not once" $(ARGS) || failed=yes; \
	test -z "$$failed"

test-fast: install-dev ## what takes less than a minute, on SQLite: no browser, no other processes, nothing slow
	@TEST_DATABASE=sqlite $(PYTEST) --nomigrations -m "not browser and not redis and not process and not slow" $(ARGS)

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

docs: install ## docs/commands.md anew from the commands
	@$(BIN)/python docs/write_commands.py

.PHONY: bench-judges bench-grades
bench-grades: install-dev ## tables of what judges said, over a million grades; none of their pages takes 100 ms
	@$(BIN)/python -m bench.grades $(ARGS)

bench-judges: install-dev ## calls a second of a judge against a bare loop of the same; at least 0.8 of it
	$(BIN)/python -m bench.judges

bench-load: install-dev ## votes per second against a bare view, and 1,000,000 pairs against 1,000
	@$(BIN)/python -m bench.load $(ARGS)

bench-pairs: install-dev ## distances in one call a prompt against a loop; at most 0.7 of its time
	$(BIN)/python -m bench.pairs

screenshots: install-dev ## docs/screenshots anew, from a demo of its own (needs Chromium)
	@$(BIN)/python bench/screenshots.py

lock: install-dev ## both lock files anew from pyproject.toml
	$(BIN)/python -m pip install -qq --disable-pip-version-check uv
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.12 --generate-hashes --no-annotate pyproject.toml -o requirements.lock
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.12 --generate-hashes --no-annotate pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock

messages: install-dev ## the catalogues of translations, brought up to date with the sources and compiled (needs gettext)
	$(BIN)/python manage.py makemessages --locale ja --no-obsolete --add-location file --ignore '.venv*' --ignore tests --ignore bench --ignore var --ignore staticfiles
	$(BIN)/python locale/compile.py

.PHONY: bench-ranking coverage
bench-ranking: install-dev ## boards against the floor of counting, against other libraries, and out of a database
	@$(BIN)/python -m bench.ranking $(ARGS); failed=$$?; \
	$(BIN)/python -m bench.ranking_database || failed=1; exit $$failed

coverage: install-dev ## how often a 95 % interval holds the truth, in 500 simulated studies of each shape
	@$(BIN)/python -m bench.coverage $(ARGS)
