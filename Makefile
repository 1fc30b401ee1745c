# Two commands do everything on a bare machine (Python 3.11): `make demo` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# pip compiles on one core; a package's file in another version's syntax is no error of ours.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
COMPILE := $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true

.PHONY: demo serve test unit lint setup setup-test browser viewer clean

$(VENV)/.run: requirements/run.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements/run.txt
	$(INSTALL) --no-deps --editable .
	$(COMPILE)
	touch $@

$(VENV)/.test: requirements/test.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements/test.txt
	$(INSTALL) --no-deps --editable .
	$(COMPILE)
	touch $@ $(VENV)/.run

setup: $(VENV)/.run
setup-test: $(VENV)/.test

demo: setup
	$(BIN)/mitoshi demo --out demo

# The page with the globe on the demonstration; http://127.0.0.1:8000
serve: setup
	test -d demo/response || $(BIN)/mitoshi demo --out demo
	$(BIN)/mitoshi serve --store $$(ls -d demo/region-*/catalogue | head -1) --bundles demo/response --data demo

# Rebuilds the page from viewer/ (needs Node); its result is committed, so nobody else needs to.
viewer:
	cd viewer && npm ci --no-audit --no-fund && npm run build

lint: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: setup-test
	$(BIN)/python -m pytest -m "not slow" -n 2

test: lint
	$(BIN)/python -m pytest -n 2

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .ruff_cache
