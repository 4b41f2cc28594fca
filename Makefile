# Everything that this project does to itself. `make` lists it.
PYTHON  ?= python3
JOBS    ?= 2
PY      := .venv/bin/python
STAMP   := .venv/.set-up-$(shell cat pyproject.toml constraints.txt | cksum | cut -d' ' -f1)
MADE    := .make

# Results depend on the checkout alone: not on who runs it, and not on how their git is set up.
export GIT_CONFIG_GLOBAL := /dev/null
export GIT_CONFIG_NOSYSTEM := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONDONTWRITEBYTECODE

# Of `make bench`.
WHAT    ?= version,help,tiny,tiny-cached,plan,plan-cached,wide,chain,layered,noop
SIZES   ?= 1000,10000
PLAN_SIZES ?= $(SIZES),100000
REPS    ?= 3
PEERS   ?=
EXT4    ?=

.DEFAULT_GOAL := help
.PHONY: help setup lint test sweep demo bench real-world schemas docs constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make .venv with everything that is needed (the one step that uses the package registry)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11; say which one to use: make PYTHON=python3.12" >&2; exit 1; }
	@echo "setting up .venv (once, until pyproject.toml or constraints.txt changes)"
	@test -x $(PY) || $(PYTHON) -m venv .venv || { echo "venv is missing; on Debian: apt install python3-venv" >&2; exit 1; }
	@$(PY) -m pip install --quiet --upgrade 'pip>=25.1'
	@$(PY) -m pip install --quiet --editable . --group dev --constraint constraints.txt
	@rm -f .venv/.set-up-* && touch $@

lint: $(STAMP) ## style, types and which way imports point
	@mkdir -p $(MADE)
	@.venv/bin/ruff check --quiet
	@.venv/bin/ruff format --check --quiet || { .venv/bin/ruff format --check; exit 1; }
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/lint-imports --no-cache > $(MADE)/imports.log 2>&1 || { cat $(MADE)/imports.log; exit 1; }
	@echo "ruff, mypy, lint-imports: ok"

test: lint ## set up, lint, and run all tests; the last line has the counts
	@status=0; .venv/bin/pytest -q -n $(JOBS) -m 'not sweep' --junitxml=$(MADE)/tests.xml \
	  --cov --cov-report=term-missing:skip-covered --cov-report=xml:$(MADE)/coverage.xml || status=$$?; \
	$(PY) .ci/counts.py $(MADE)/tests.xml || status=1; exit $$status

sweep: $(STAMP) ## kill, tear and starve a run at every system call (long; SWEEP='--faults kill' for some of it)
	@$(PY) evaluation/sweep/sweep.py $(SWEEP)
	@$(PY) evaluation/sweep/sweep.py --project merges $(SWEEP)

demo: $(STAMP) ## a small real project through gates, checks, tests and a build, in .demo/
	@sh evaluation/demo/demo.sh

bench: $(STAMP) ## compare with make, ninja, doit, …; writes docs/benchmarks.md (PEERS=1 installs them, EXT4=DIR adds a disk)
	@test -z "$(PEERS)" || sh evaluation/bench/peers.sh
	@$(PY) evaluation/bench/bench.py --what $(WHAT) --n $(SIZES) --plan-n $(PLAN_SIZES) --reps $(REPS) $(if $(EXT4),--disk $(EXT4)) --report docs/benchmarks.md

real-world: $(STAMP) ## test packages that others wrote, by adapters and by hand; writes docs/real-world.md (uses the package registries)
	@$(PY) evaluation/real_world/real_world.py --report docs/real-world.md

schemas: $(STAMP) ## generate schemas/orch/ from the models
	@$(PY) -m orch.spec.schema schemas/orch

docs: $(STAMP) ## generate docs/cli.md and docs/errors.md
	@mkdir -p $(MADE)
	@for page in cli errors; do $(PY) -m orch.cli.reference $$page > $(MADE)/$$page.md && mv $(MADE)/$$page.md docs/ || exit 1; done

constraints: ## write the newest versions that pyproject.toml allows to constraints.txt (uses the package registry)
	@mkdir -p $(MADE) && rm -rf $(MADE)/newest && $(PYTHON) -m venv $(MADE)/newest
	@$(MADE)/newest/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(MADE)/newest/bin/python -m pip install --quiet --editable . --group dev
	@{ sed -n '/^#/p' constraints.txt; $(MADE)/newest/bin/python -m pip freeze --exclude-editable; } > $(MADE)/constraints.txt
	@mv $(MADE)/constraints.txt constraints.txt && rm -rf $(MADE)/newest

clean: ## remove what the targets above have made
	@rm -rf .venv .demo $(MADE) .peers .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*
	@find engine tests evaluation -name __pycache__ -type d -prune -exec rm -rf {} +
