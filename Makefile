# Meterbook's commands. `make` alone lists them.

PYTHON ?= python3
BIN := .venv/bin
# Starts PostgreSQL and Valkey around a command, unless DATABASE_URL and CELERY_BROKER_URL name servers.
EMBEDDED := $(BIN)/python -m billing_site.embedded

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help setup demo demo-check demo-reset run shell test coverage lint fmt torture bench lock

help: ## List what `make` can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.run ## Make the environment: .venv with the locked packages

demo: .venv/.run ## Start Meterbook with a demo company and a month of real usage; Ctrl-C stops it
	@$(EMBEDDED) $(BIN)/python manage.py demo

demo-check: .venv/.run ## Do all that the demo does, look at its pages, and stop
	@$(EMBEDDED) $(BIN)/python manage.py demo --check

demo-reset: .venv/.run ## Remove the demo's data, so that the next demo starts over
	@$(EMBEDDED) --reset

run: .venv/.run ## Serve what is in the database: web, worker and schedule, for development
	@$(EMBEDDED) sh -c '$(BIN)/python manage.py migrate --verbosity 0 && exec $(BIN)/python -m billing_site.serve'

shell: .venv/.run ## Open Django's shell on the same database
	@$(EMBEDDED) $(BIN)/python manage.py shell

test: .venv/.development ## Run the tests; ARGS="-k invoices" chooses some
	@$(BIN)/pytest $(ARGS)

coverage: .venv/.development ## Check that the tests of the pricing engine take every branch of it
	@mkdir -p var
	@$(BIN)/coverage run -m pytest tests/rating -n 0 -q --no-header
	@$(BIN)/coverage report

lint: .venv/.development ## Check style, types, imports, migrations, settings and templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	@# Neither of these two asks a database anything but its history, so there need be none.
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check
	METERBOOK_SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_hex(40))') \
	METERBOOK_ALLOWED_HOSTS=billing.example.com DATABASE_URL=postgresql:///unused CELERY_BROKER_URL=redis://unused \
	$(BIN)/python manage.py check --deploy --fail-level WARNING --settings billing_site.settings.production
	$(BIN)/djlint --lint --quiet templates

fmt: .venv/.development ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

torture: .venv/.development ## Break it on purpose: kill servers and databases while usage comes in, price 100,000 documents twice
	@METERBOOK_TORTURE=full $(BIN)/pytest tests/torture tests/rating/test_random_documents.py tests/invoices/test_closes_at_once.py --color=no --no-header --tb=short -q $(ARGS)

bench: .venv/.development ## Measure, beside a floor for each figure
	@METERBOOK_VAR="$(CURDIR)/var/bench" $(EMBEDDED) $(BIN)/python -m benchmarks $(ARGS)

lock: ## Write the lock files anew after a change of pyproject.toml; UPGRADE=--upgrade takes new versions
	@command -v uv >/dev/null || { echo "The lock files are made by uv: pip install uv" >&2; exit 1; }
	$(LOCK) --output-file deploy/requirements.txt
	$(LOCK) --group dev --output-file deploy/requirements-dev.txt

LOCK = uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links $(UPGRADE)

# --- The environment, made again only when its lock file has changed --------------------------------

.venv/.run: deploy/requirements.txt
	@$(install)

.venv/.development: deploy/requirements-dev.txt
	@$(install)
	@touch .venv/.run

define install
command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) here: install Python 3.11 or newer, or say PYTHON=..." >&2; exit 2; }
$(PYTHON) deploy/check_machine.py
$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv
$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
echo "Installing $$(grep -c '==' $<) locked packages into .venv (about a minute the first time) ..."
$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes -r $< \
	>.venv/pip.log 2>&1 || { sed -E 's#(https?|file)://[^ ,)]+#(address)#g' .venv/pip.log >&2; exit 2; }
$(BIN)/python -W error -c 'import weasyprint'
touch $@
endef
