# `make` lists what there is. What a target needs is installed by deploy/machine.sh.

PORT ?= 8000
STANDIN_PORT ?= 8001
N ?= 1000
PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo test histories check shape audit bench clean machine-demo machine-test

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: machine-demo ## the site with houses, renters and a pretend Alipay, from nothing (PORT=8000 STANDIN_PORT=8001)
	@$(PYTHON) -m demo --port $(PORT) --standin-port $(STANDIN_PORT)

test: machine-test ## all tests: on SQLite, on MariaDB and in a real browser
	@deploy/test.sh

histories: machine-test ## N=1000 random histories of orders and money, on SQLite and on MariaDB
	@HISTORIES=$(N) $(PYTHON) -m pytest -q tests/histories/test_histories.py
	@HISTORIES=$(N) $(PYTHON) deploy/mariadb.py $(PYTHON) -m pytest -q tests/histories/test_histories.py

check: machine-test ## ruff, mypy, missing migrations, Django's deployment checks
	@deploy/check.sh

shape: machine-test ## lines of rooms, modules and functions, and the limits that hold
	@$(PYTHON) deploy/shape.py

audit: machine-test ## known holes in what we depend on, where the service that knows them can be reached
	@$(PYTHON) -m pip_audit --strict --disable-pip --no-deps --progress-spinner off \
	  -r requirements.txt -r requirements-dev.txt \
	  || { echo "Holes were found, or the audit was not complete (service out of reach): see above."; exit 1; }

bench: machine-test ## the speed figures, beside the article's own way
	@$(PYTHON) deploy/mariadb.py $(PYTHON) -m benchmarks

clean: ## removes .demo and .venv
	rm -rf .demo .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis test-results

machine-demo machine-test: machine-%:
	@deploy/machine.sh $*
