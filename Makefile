# `make` lists the targets. deploy/machine.sh installs what a target needs.

PORT ?= 8000
STANDIN_PORT ?= 8001
N ?= 1000
PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo unit test browser histories fuzz mutants coverage check shape audit bench budget soak server-test restore-test cluster chaos clean machine-demo machine-unit machine-test machine-bench machine-cluster

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: machine-demo ## run the site with demo data and a stand-in Alipay (PORT=8000 STANDIN_PORT=8001)
	@$(PYTHON) -m demo --port $(PORT) --standin-port $(STANDIN_PORT)

unit: machine-unit ## run the tests on SQLite (T=payments/tests/test_notify.py for one file, a folder or a test)
	@T='$(T)' deploy/unit.sh

test: machine-test ## run all tests: on SQLite, on MariaDB and in Chromium
	@deploy/test.sh

browser: machine-test ## run the tests in Chromium and keep screenshots in test-results (T=tests/browser/test_paying.py for one file)
	@PICTURES=1 $(PYTHON) -m pytest -m browser $(if $(T),'$(T)',-n 3 --dist worksteal tests/browser)

histories: machine-test ## run N=1000 random histories of orders and money, on SQLite and MariaDB
	@HISTORIES=$(N) $(PYTHON) -m pytest -q -n 2 tests/histories/test_histories.py
	@HISTORIES=$(N) $(PYTHON) deploy/mariadb.py $(PYTHON) -m pytest -q -n 2 tests/histories/test_histories.py

fuzz: machine-test ## send N=1000 damaged callbacks of Alipay to the site (SEED=7 for those of a run before)
	@FUZZ=$(N) SEED=$(or $(SEED),$(shell date +%s)) $(PYTHON) deploy/mariadb.py $(PYTHON) -m pytest -q -n 2 tests/fuzz

MONEY := orders/transitions.py $(filter-out %/__init__.py,$(wildcard payments/books/*.py payments/alipay/*.py))
MONEY_TESTS := -q -n 0 -m "not race and not alone" payments bills/tests orders/tests

mutants: machine-test ## change one thing at a time where money is, and find a test that fails (M=payments/books/rows.py)
	@CI=1 nice $(PYTHON) -m pytest -p tests.mutants.plugin --mutants $(or $(M),$(MONEY)) $(MONEY_TESTS)

coverage: machine-test ## print the branches of the same modules that tests reach: all
	@CI=1 $(PYTHON) -m coverage run -m pytest $(MONEY_TESTS)
	@$(PYTHON) -m coverage report

check: machine-test ## run ruff, mypy, the check for missing migrations and Django's deployment checks
	@deploy/check.sh

shape: machine-test ## print the lines of rooms, modules and functions, and check their limits
	@$(PYTHON) deploy/shape.py

audit: machine-test ## list known vulnerabilities of our dependencies (needs the advisory service)
	@$(PYTHON) -m pip_audit --strict --disable-pip --no-deps --progress-spinner off $$($(PYTHON) -m deploy.open_holes) \
	  -r requirements.txt -r requirements-sms.txt -r requirements-sentry.txt -r requirements-dev.txt -r standin/tests/official/requirements.txt \
	  || { echo "Vulnerabilities were found, or the service could not be reached: see above."; exit 1; }

bench: machine-bench ## measure speed, compared with the article's views (ONLY=pay for one work, BASE=COMMIT for paid orders by its code)
	@$(PYTHON) deploy/mariadb.py $(PYTHON) -m benchmarks $(ONLY) $(if $(BASE),--base $(BASE))
	@$(PYTHON) deploy/mariadb.py $(PYTHON) -m benchmarks.instructions $(ONLY)

budget: machine-bench ## compare instructions and messages of each request with benchmarks/budget.json
	@$(PYTHON) deploy/mariadb.py $(PYTHON) -m benchmarks.instructions --budget

soak: machine-bench ## mixed load for MINUTES=10 with a fault every 30 s; every rule must hold (SEED=7)
	@$(PYTHON) deploy/mariadb.py $(PYTHON) -m benchmarks.soak --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

server-test: ## put the site up in a bare Debian folder, pay over https, upgrade and go back (as root)
	@deploy/servertest/run.sh site.sh

restore-test: ## in such a folder: pay, refund and book after the dump, lose the database, restore it (as root)
	@deploy/servertest/run.sh restore.sh

cluster: machine-cluster ## run the site on three database nodes on this machine (PORT=8000 STANDIN_PORT=8001)
	@$(PYTHON) -m deploy.cluster --port $(PORT) --standin-port $(STANDIN_PORT)

chaos: machine-cluster ## kill, freeze and cut off its parts while renters pay, then count what was acknowledged (MINUTES=3)
	@$(PYTHON) -m deploy.cluster.chaos --minutes $(or $(MINUTES),3)

clean: ## remove .demo, .cluster, .venv, .venv-unit and caches
	rm -rf .demo .cluster .server-test .venv .venv-unit .pytest_cache .mypy_cache .ruff_cache .hypothesis test-results

machine-demo machine-unit machine-test machine-bench machine-cluster: machine-%:
	@deploy/machine.sh $*
