# Everything a newcomer runs. The first call builds .venv from pinned, hashed requirements;
# later calls find it there.

PYTHON ?= python3
BIN := .venv/bin
RUN_STAMP := .venv/.run-stamp
TEST_STAMP := .venv/.test-stamp
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run demo test check format bench fuzz dev requirements clean

run: $(RUN_STAMP)  ## start the daemon on its embedded database, ready to take readings
	exec $(BIN)/python -P -m ingest run

demo: $(RUN_STAMP)  ## play a morning of traffic into a throw-away daemon and show the answers
	$(BIN)/python -P -m ingest demo

test: $(TEST_STAMP)  ## every test, on real parts
	$(BIN)/python -P -m pytest -q -n 2 $(TESTS)

check: $(TEST_STAMP)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(TEST_STAMP)  ## put the code into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only .

bench: $(TEST_STAMP)  ## side-by-side ratios: ours and its floor in one run
	PYTHONPATH=. $(BIN)/python -P -m bench

fuzz: $(TEST_STAMP)  ## mails and texts that nobody wrote, a hundred times as many as in `test`
	INGEST_FUZZ_EXAMPLES=15000 $(BIN)/python -P -m pytest -q -n 2 --timeout=0 tests/fuzz

dev: $(TEST_STAMP)  ## everything `test` and `check` need, nothing started

requirements:  ## pin again, with hashes, from pyproject.toml and requirements/*.in (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q \
		--extra embedded pyproject.toml requirements/run.in -o requirements/run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q \
		-c requirements/run.txt --extra embedded pyproject.toml requirements/run.in \
		requirements/test.in -o requirements/test.txt

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	$(PYTHON) -m venv .venv

$(RUN_STAMP): requirements/run.txt pyproject.toml | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements/run.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

$(TEST_STAMP): requirements/test.txt $(RUN_STAMP)
	$(INSTALL) --require-hashes -r requirements/test.txt
	touch $@
