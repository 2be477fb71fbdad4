# The targets a newcomer needs: demo, test, lint. `make help` lists all.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# `make INSTALLER=pip install` leaves uv out.
INSTALLER ?= uv
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/*.po))
export HOST ?= 127.0.0.1
export PORT ?= 8000

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo preflight database install install-dev test test-fast lint format docs lock messages screenshots FORCE
.PHONY: coverage $(shell sed -n 's/^\(bench-[a-z-]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 26

# The database is made while static files are collected: neither needs the other.
demo: preflight $(VENV)/.installed ## a running arena with a sample study, on HOST:PORT
	@$(MAKE) --no-print-directory --jobs=3 install database
	@exec $(BIN)/python manage.py demo

database: $(VENV)/.installed
	@$(BIN)/python manage.py migrate --verbosity 0 --skip-checks

install: $(VENV)/.installed staticfiles/staticfiles.json $(CATALOGUES) ## the virtual environment, the static files and the catalogues

install-dev: install $(VENV)/.installed-dev ## the same with what tests and lint need

# The stamp holds the folder it was made in: an environment that was moved here, whose interpreter is
# gone, or whose making was interrupted is made anew. Its own Python is asked from then on.
ifeq ($(shell test "$$(cat $(VENV)/.made 2>/dev/null)" = "$(CURDIR)" && $(BIN)/python -c pass 2>/dev/null && echo sound),sound)
PREFLIGHT_PYTHON := $(BIN)/python
$(VENV)/.made:
else
PREFLIGHT_PYTHON := $(PYTHON)
$(VENV)/.made: FORCE
endif
	@$(PYTHON) llmfao_site/demo/preflight.py
	@echo "Making the virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv --clear --without-pip $(VENV)
	@printf '%s' "$(CURDIR)" > $@

# Before the long work: nobody waits for an installation to hear that the port is taken.
preflight:
	@$(PREFLIGHT_PYTHON) llmfao_site/demo/preflight.py port

# Byte code is left to the first import: compiling every module takes longer than installing all of them. So imports
# must keep it, or every process would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
# pip works from outside the environment where Python comes with it; putting it inside takes longer than all of uv's work.
# It goes inside where Python has none, and where uv cannot do the rest.
has_pip = $(1) -c 'import pip' 2>/dev/null
pip_inside = { $(call has_pip,$(BIN)/python) || $(BIN)/python -m ensurepip >/dev/null; }
PIP_OPTIONS := -qq --disable-pip-version-check --no-compile --require-hashes
PIP_INSTALL := $(pip_inside) && $(BIN)/python -m pip install $(PIP_OPTIONS)
install_uv = if $(call has_pip,$(PYTHON)); then $(PYTHON) -m pip --python $(BIN)/python install $(PIP_OPTIONS) -r requirements-uv.lock; \
	else $(PIP_INSTALL) -r requirements-uv.lock; fi
ifeq ($(INSTALLER),uv)
# uv reads no configuration of pip's. Where it cannot be had, or does not reach the packages, pip takes over.
install_locked = { { test -x $(BIN)/uv || { $(install_uv); }; } && $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $(1); } \
	|| { echo "uv could not install them. Trying pip ..."; $(PIP_INSTALL) -r $(1); }
else
install_locked = $(PIP_INSTALL) -r $(1)
endif

$(VENV)/.installed: requirements.lock requirements-uv.lock $(VENV)/.made
	@echo "Installing the locked dependencies ..."
	@$(call install_locked,requirements.lock)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing what tests and lint need ..."
	@$(call install_locked,requirements-dev.lock)
	@touch $@

%.mo: %.po locale/compile.py $(VENV)/.installed
	@$(BIN)/python locale/compile.py $<

staticfiles/staticfiles.json: $(VENV)/.installed $(shell find static docs/screenshots -type f)
	@$(BIN)/python manage.py collectstatic --noinput --verbosity 0
	@touch $@

# Python's compiled modules are kept, whatever the environment says: every process of the tests would compile them anew.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n auto --dist worksteal

# What cannot differ between the databases runs once: see tests/both_databases.py.
test: install-dev ## the whole suite, on SQLite and on PostgreSQL
	@TEST_DATABASE=sqlite $(PYTEST) $(ARGS) || failed=yes; \
	TEST_DATABASE=postgresql $(PYTEST) -m "not browser and not redis and not once and not words" $(ARGS) || failed=yes; \
	test -z "$$failed"

test-fast: install-dev ## the inner loop, on SQLite: no browser, no other processes, nothing slow
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

docs: install ## the list of commands and the picture of the rooms anew
	@$(BIN)/python docs/write_commands.py
	@$(BIN)/python docs/draw_rooms.py

bench-grades: install-dev ## tables of what judges said, over a million grades; none of their pages takes 100 ms
	@$(BIN)/python -m bench.grades $(ARGS)

bench-judges: install-dev ## calls a second of a judge against a bare loop of the same; at least 0.8 of it
	$(BIN)/python -m bench.judges

bench-load: install-dev ## votes per second against a bare view, in an adaptive study, and 1,000,000 pairs against 1,000
	@$(BIN)/python -m bench.load $(ARGS)

bench-kept: install-dev ## pages over a million comparisons or grades, with and without what is kept for them; none takes 300 ms
	@$(BIN)/python -m bench.kept $(ARGS)

bench-slow-clients: install-dev ## 200 slow connections while 8 workers vote, directly and behind nginx and Caddy; /healthz stays under 1 s
	@$(BIN)/python -m bench.slow_clients $(ARGS)

bench-reload: install-dev ## votes of 16 workers during a reload of gunicorn; 95 % of them take at most 1.5 s
	@$(BIN)/python -m bench.reload $(ARGS)

bench-loading: install-dev ## loading 100,000 comparisons that make their pairs, and a million on stored ones
	@$(BIN)/python -m bench.loading $(ARGS)

bench-exporting: install-dev ## exporting a million comparisons: plain within 3 times COPY, full within 6, memory under 50 MB
	@$(BIN)/python -m bench.exporting $(ARGS)

bench-sampling: install-dev ## votes that adaptive pairs save against uniform ones, and maximum discrepancy against chance
	@$(BIN)/python -m bench.sampling $(ARGS)

bench-pairs: install-dev ## distances in one call a prompt against a loop; at most 0.7 of its time
	$(BIN)/python -m bench.pairs

bench-similarity: install-dev ## a million lexical similarities on one core; at most 60 s, in flat memory
	@$(BIN)/python -m bench.similarity

screenshots: install-dev ## docs/screenshots anew, from a demo of its own (needs Chromium)
	@$(BIN)/python bench/screenshots.py

LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.12 --generate-hashes --no-annotate
lock: install-dev ## the lock files anew from pyproject.toml
	@$(install_uv)
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) --group uv -o requirements-uv.lock
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) pyproject.toml --extra parquet -o requirements.lock
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) pyproject.toml --extra parquet --group dev -c requirements.lock -o requirements-dev.lock

messages: install-dev ## the catalogues of translations, brought up to date with the sources and compiled (needs gettext)
	$(BIN)/python manage.py makemessages --locale ja --no-obsolete --add-location file --ignore '.venv*' --ignore tests --ignore bench --ignore var --ignore staticfiles
	$(BIN)/python locale/drop_guesses.py
	$(BIN)/python locale/compile.py

bench-ranking: install-dev ## boards against the floor of counting, against other libraries, and out of a database
	@$(BIN)/python -m bench.ranking $(ARGS); failed=$$?; \
	$(BIN)/python -m bench.ranking_database || failed=1; exit $$failed

bench-board: install-dev ## a million comparisons of a CSV file on the terminal, with intervals, within 10 s and 600 MB
	@$(BIN)/python -m bench.board $(ARGS)

bench-formats: install-dev ## files that are exported, read by arena-rank, datasets and inspect_ai, each in an environment of its own
	@$(BIN)/python -m bench.formats $(ARGS)

bench-stopping: install-dev ## 8 equal models looked at every 50 votes are separated in at most 7 % of 1,000 studies; goals take at most 1.6 times the votes
	@$(BIN)/python -m bench.stopping $(ARGS)

coverage: install-dev ## how often a 95 % interval holds the truth, in 500 simulated studies of each shape
	@$(BIN)/python -m bench.coverage $(ARGS)

bench-planner: install-dev ## how often the planner's 80 % ranges hold what 1,000 simulated studies of each shape find
	@$(BIN)/python -m bench.planner $(ARGS)
