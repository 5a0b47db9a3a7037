# The front door. `make help` lists what it can do.
# Needs only make and Python 3.11 or newer; everything else goes into .venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test torture fuzz check bench docs clean

VENV   := .venv
PYTHON := $(VENV)/bin/python
BIN    := $(VENV)/bin
JOBS   ?= 2
SPREAD := --dist loadscope --no-loadscope-reorder
DEMO   ?= demo
YEAR   ?= 2018-19
TARGETS ?= archive checks delimited package scanner tables trt
SECONDS ?= 120

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/ready-dev ## Simulate a district, score it, explain one score
	@sh .ci/demo.sh $(BIN) $(DEMO) $(YEAR)

test: $(VENV)/ready-dev ## Run every test except the long ones
	@$(PYTHON) -m pytest -n $(JOBS) $(SPREAD) -m "not torture" $(PYTEST_ARGS)

torture: $(VENV)/ready-dev ## Run the long properties
	@HYPOTHESIS_PROFILE=explore $(PYTHON) -m pytest -n $(JOBS) $(SPREAD) -m torture $(PYTEST_ARGS)

fuzz: $(VENV)/ready-dev $(VENV)/ready-fuzz ## Look for inputs that break the readers (TARGETS=, SECONDS=)
	@for target in $(TARGETS); do \
	    $(PYTHON) tests/fuzz/run.py $$target $(SECONDS) || exit 1; \
	done

check: $(VENV)/ready-dev ## Lint, types and the house tests
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(PYTHON) -m pytest -q tests/house

bench: $(VENV)/ready-bench ## Measure scoring against other packages, in one run
	@$(PYTHON) bench/run.py
	@$(PYTHON) bench/results.py
	@$(PYTHON) bench/warehouse.py
	@$(PYTHON) bench/reports.py
	@$(PYTHON) bench/academic.py
	@$(PYTHON) bench/warehouse_postgres.py
	@$(PYTHON) bench/find.py
	@$(PYTHON) bench/rosters.py

docs: $(VENV)/ready-docs ## Build the documentation site into site/
	@$(PYTHON) docs/reference/glossary_page.py
	@$(PYTHON) docs/reference/results_rules_page.py
	@$(PYTHON) docs/rules/rules_page.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "built site/index.html"

clean: ## Remove what the other targets made (for a fresh start also: rm -r .venv)
	rm -rf $(DEMO) site build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the virtual environment: one stamp for each set of optional packages ---

$(PYTHON):
	@sh .ci/make-venv.sh $(VENV)

$(VENV)/ready-%: pyproject.toml | $(PYTHON)
	@echo "installing scorehouse[$*] into $(VENV) (once)"
	@if command -v uv >/dev/null 2>&1; then \
	    uv pip install --quiet --python $(PYTHON) -e '.[$*]'; \
	else \
	    $(PYTHON) -m pip install --quiet --disable-pip-version-check -e '.[$*]'; \
	fi
	@touch $@
