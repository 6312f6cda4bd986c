# Two commands are enough: `make run` and `make test`. Both set everything up first.
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# The web client and the interop tests need Node; where the system has none that fits, the wheel brings it.
NODE_FITS := $(shell command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null && echo yes)
GROUPS := $(if $(NODE_FITS),,--group node)
# pip trusts the system's certificates; so does uv, where there are any.
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),true,false)
export UV_PYTHON_DOWNLOADS := never
# Bytecode once, at the set-up: tests start the server and the CLI hundreds of times, at a second each without it.
export UV_COMPILE_BYTECODE ?= true
unexport PYTHONDONTWRITEBYTECODE
export UV_PROJECT_ENVIRONMENT := $(VENV)

.PHONY: setup run demo native web web-test web-size web-dev web-check web-types web-lint web-format web-walls test test-all test-postgres fuzz judge wycheproof censor censor-smoke calls calls-smoke bench check check-python check-types check-pages fmt clean

setup: $(VENV)/.synced

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "Zajil needs Python 3.11, 3.12 or 3.13; try: make PYTHON=python3.13 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing; install it first (Debian, Ubuntu: apt-get install python3-venv)."; exit 1; }
	@echo "Setting up Zajil in $(VENV); the first time takes a minute or two ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"

$(VENV)/.synced: $(UV) pyproject.toml uv.lock
	@$(UV) sync --quiet --locked $(GROUPS) --python $(BIN)/python
	@touch $@

run: setup
	@$(BIN)/zajil run $(ARGS)

demo: setup
	@$(BIN)/zajil demo

# The way of a message compiled, a minute or two: then `ZAJIL_NATIVE=build/native make run` (docs/decisions/0019-mypyc.md).
native: setup
	@$(BIN)/python native_build.py

# The web client: built into src/zajil/server/web, which `zajil serve` serves.
NPM := $(BIN)/python hatch_build.py --npm
web: setup
	$(BIN)/python hatch_build.py

# Everything about the web client that needs no Python member: units, types, lint, dependency rules, all screens.
web-test: setup web-check
	$(NPM) run --silent test
	$(BIN)/python hatch_build.py --if-stale
	$(NPM) run --silent screens
	$(BIN)/pytest -p no:xdist -m browser $(ARGS)

web-check: web-types web-lint web-format web-walls

web-types: setup
	$(NPM) run --silent types

web-lint: setup
	$(NPM) run --silent lint:code

web-format: setup
	$(NPM) run --silent lint:format

web-walls: setup
	$(NPM) run --silent lint:walls

web-size: setup
	@$(BIN)/python hatch_build.py --if-stale
	@$(BIN)/python bench/web_size.py

web-dev: setup
	$(NPM) run dev

# The core, on any machine. `.ci/run` takes the other parts too, as test-all does. The peer's build is judged by
# `make check`. Three workers on two cores: most of a story is waiting for others.
PYTEST := $(BIN)/pytest -n 3 --dist worksteal --ignore tests/interop/test_build.py
test: setup
	$(PYTEST) -m "not (web or reach or moderation or calls or scale or censor)" $(ARGS)

# Of calls the smoke tests alone: .ci/run has four minutes for them.
test-all: setup
	$(PYTEST) -m "not censor and (not calls or smoke)" $(ARGS)

# The stories and the services once more, with each server's data in PostgreSQL.
OVER_POSTGRES := tests/flows tests/server tests/auth tests/bridges tests/push tests/channels \
	$(addprefix tests/moderation/,people pipeline processes statistics)
test-postgres: setup
	$(PYTEST) --engine postgres $(OVER_POSTGRES) -m "not (web or calls or censor)" $(ARGS)

# Each target of tests/fuzz for S seconds, those with T in their name: `make fuzz S=600 T=mls`.
S ?= 30
T ?=
fuzz: setup
	@$(UV) sync --quiet --locked $(GROUPS) --group fuzz --python $(BIN)/python
	@$(BIN)/python -m tests.fuzz --seconds $(S) --only "$(T)"

# The long forms of what judges from outside, one after another; docs/develop/developing.md has what they took.
FAULTS ?= 1000
EXAMPLES ?= 100
LIVES ?= 1000
judge: fuzz
	@ZAJIL_API_EXAMPLES=$(EXAMPLES) $(BIN)/pytest -p no:xdist tests/openapi
	@ZAJIL_MACHINE_EXAMPLES=$(LIVES) $(BIN)/pytest -p no:xdist tests/mls/test_machine.py tests/client/test_machine.py --timeout 0
	@ZAJIL_FAULTS=$(FAULTS) $(BIN)/pytest -p no:xdist -s tests/flows/test_faults.py

# Wycheproof as Debian carries it, unpacked and not installed: as a package it would bring half a Rust along.
wycheproof: build/wycheproof
build/wycheproof:
	@rm -rf build/crate && mkdir -p build/crate
	@cd build/crate && apt-get download -qq librust-wycheproof-dev && dpkg -x librust-wycheproof-dev_*.deb .
	@mv build/crate/usr/share/cargo/registry/wycheproof-*/src/data $@ && rm -rf build/crate

# Real relays, media and browsers: coturn, Chromium and the extra `calls`; what is missing is skipped, and said. As root
# also the laboratory of routes, which writes tests/calls/results.
calls: $(VENV)/.censor
	$(BIN)/pytest -p no:xdist -m calls --calls-report tests/calls/results $(ARGS)

calls-smoke: setup
	$(BIN)/pytest -p no:xdist -m "calls and smoke" $(ARGS)

# The censor lab needs root, for network namespaces of its own, and the packages that .ci/run installs.
censor: $(VENV)/.censor
	$(BIN)/pytest -p no:xdist -m censor tests/censor --censor-report tests/censor/results $(ARGS)

censor-smoke: $(VENV)/.censor
	$(BIN)/pytest -p no:xdist -m censor_smoke tests/censor --censor-report tests/censor/results $(ARGS)

$(VENV)/.censor: $(VENV)/.synced
	@$(UV) sync --quiet --locked $(GROUPS) --group censor --python $(BIN)/python || \
		echo "The packet queue of the censor lab did not build (libnetfilter-queue-dev, gcc); what needs it is skipped."
	@touch $@

# All that have goals, or one: `make bench B=fanout N=7`, with N rounds. Figures are of this machine in this run, and a
# missed goal is no failure; a count that does not come even is. `ARGS=--keep` writes the result among the project's,
# `ARGS="--budget 30"` ends all within half an hour.
bench: setup
	@$(BIN)/python bench/run.py $(B) $(if $(N),--rounds $(N)) $(ARGS)

# Two at once, for two cores, the longest first. On an empty cache, in seconds of the processor: 68, 64, 38, 38, 15, 12, 3.
check: setup
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target \
		web-types check-types web-lint web-format check-pages web-walls check-python

check-types: setup
	$(BIN)/mypy

check-python: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo

check-pages: setup
	$(BIN)/pytest -q -p no:xdist tests/test_tree.py tests/docs tests/interop/test_build.py

fmt: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(NPM) run --silent format

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache web/node_modules web/.svelte-check web/artifacts src/zajil/server/web build dist
