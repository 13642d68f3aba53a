# The menu. Needs Python 3.11 or newer and make; everything else goes into .venv.

PORT ?= 8000
HOST ?= 127.0.0.1
PYTHON ?= $(shell command -v python3 || command -v python3.11)

BIN := .venv/bin
# Where .venv stands for what the lock files ask for, one of these stamps is newer than they are.
RUN_STAMP := .venv/.for-running
TEST_STAMP := .venv/.for-testing
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
COMPILE := uv pip compile pyproject.toml --group build --universal --python-version 3.11 \
	--generate-hashes --no-strip-extras --no-emit-index-url --no-header --quiet

.PHONY: help demo serve test test-long clients check format bench editor screenshots lock

help:  ## print this menu
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' Makefile | expand -t 12

demo: $(RUN_STAMP)  ## a site with demo content, served at PORT (8000) on HOST (127.0.0.1)
	@$(BIN)/cms demo --host "$(HOST)" --port "$(PORT)"

serve: $(RUN_STAMP)  ## this installation, as .env and the environment configure it
	@$(BIN)/cms serve --host "$(HOST)" --port "$(PORT)"

test: $(TEST_STAMP)  ## the whole suite; see CMS_TEST_POSTGRES_URL and CMS_TEST_REDIS_URL
	$(BIN)/pytest -n auto --cov --cov-report=

test-long: $(TEST_STAMP)  ## the tests that take minutes
	$(BIN)/pytest -n auto -m long -o faulthandler_timeout=1800

clients: $(TEST_STAMP)  ## typed clients, made from the document and compiled (needs node and npm)
	$(BIN)/pytest -m long -o faulthandler_timeout=1800 tests/fuzz/test_clients.py

check: $(TEST_STAMP)  ## format, lint, types, import contracts, spelling, migrations without drift, coverage
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	export CMS_DATABASE_URL="sqlite+aiosqlite:///$$scratch/drift.db" && \
	$(BIN)/cms migrate && $(BIN)/alembic check
	@if [ -f .coverage ] && [ -n "$$CMS_TEST_POSTGRES_URL" ] && [ -n "$$CMS_TEST_REDIS_URL" ]; then \
	$(BIN)/coverage report --include='cms/crud/*,cms/editorial/*' --fail-under=100 && \
	$(BIN)/coverage report --fail-under=95; \
	else echo "Coverage was not judged: it needs a run of make test with PostgreSQL and Redis."; fi

format: $(TEST_STAMP)  ## let ruff put the code in order
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(TEST_STAMP)  ## the promised figures of speed
	$(BIN)/python -m benchmarks

editor:  ## the Markdown editor of the back office, from admin/editor into admin/static (needs node and npm)
	npm ci --prefix admin/editor --no-audit --no-fund
	node admin/editor/build.mjs

screenshots: $(TEST_STAMP)  ## pictures of the main screens in both themes, into docs/screenshots (needs Chromium)
	$(BIN)/python -m tests.admin.screenshots

lock:  ## pin what pyproject.toml asks for, with hashes (needs uv)
	$(COMPILE) --output-file requirements.txt
	$(COMPILE) --extra test --constraints requirements.txt --output-file requirements-test.txt

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# The project itself comes last and without its build isolation: its build backend is pinned with the rest.
$(RUN_STAMP): requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes --requirement requirements.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(TEST_STAMP): requirements-test.txt $(RUN_STAMP)
	$(PIP) --require-hashes --requirement requirements-test.txt
	@touch $@
