# The commands of this project. `make run` and `make test` set everything up by themselves: they need Python 3.11,
# make and a package index, nothing else.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
SERVED := race or browser or node
.DEFAULT_GOAL := run
.PHONY: run test check bench fmt operator requirements messages openapi clean

run: $(BIN)/.run  ## serve on http://127.0.0.1:$PORT (8000)
	@$(BIN)/python manage.py serve

test: $(BIN)/.test  ## all tests; those that need a server run when it answers
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not ($(SERVED))"
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "$(SERVED)"

check: $(BIN)/.check  ## lint, types, floors, and the tests against every server that answers
	@tests/check

bench: $(BIN)/.check  ## measure, beside others, which are installed into var/bench; `python -m bench.compare --quick` shows that it runs
	$(BIN)/python -m bench

fmt: $(BIN)/.check  ## format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

operator: $(BIN)/.run  ## make an account for /admin/
	$(BIN)/python manage.py migrate --verbosity 0
	$(BIN)/python manage.py createsuperuser

openapi: $(BIN)/.run  ## write openapi.json anew
	$(BIN)/python manage.py openapi > openapi.json

clean:  ## remove what was set up, tests' traces included; the database in var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/*/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

requirements:  ## compile requirements/*.txt; needs uv
	for set in run test check; do \
		uv pip compile -q --upgrade --universal --python-version 3.11 \
			--no-header --annotation-style line requirements/$$set.in -o requirements/$$set.txt; \
	done

# Each stamp is newer than the list of packages that it stands for.
$(BIN)/.run: requirements/run.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/run.txt
	touch $@

$(BIN)/.test: $(BIN)/.run requirements/test.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/test.txt
	touch $@

$(BIN)/.check: $(BIN)/.test requirements/check.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/check.txt
	touch $@
