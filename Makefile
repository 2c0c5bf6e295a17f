# Every target makes its own virtual environment: Python 3.11+ and make are all that is needed.
#
#   make demo    plan, apply and plan again on the embedded API
#   make test    the whole test suite
#   make soak    25 times as many simulated worlds
#   make check   format, lint, types, layers
#   make bench   the benchmarks (tests/benchmarks/README.md)
#   make fuzz    coverage-guided fuzzing, SECONDS (60) for each target
#   make schemas the published JSON Schemas, for the kinds of kinds.py
#   make lock    what the action installs, at its newest

# The first Python that is new enough; PYTHON=/path/to/python overrides.
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
PYTHON ?= $(shell for p in $(CANDIDATES); do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

WORKFLOWS := $(wildcard .github/workflows/*.yml docs/ci/github/*.yml)

.PHONY: demo test soak check bench fuzz schemas lock clean
.DEFAULT_GOAL := test

# One stamp a set of packages, so that `make demo` does not wait for linters.
$(VENV)/.run: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: PYTHON=/path/to/python make"; exit 1; }
	@echo "Setting up $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run
	@echo "Adding what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(VENV)/.dev: $(VENV)/.test
	@echo "Adding the linters ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/.run
	@bash docs/demo.sh $(BIN)/reconciler

# Nothing of the caller's environment but these: what passes only in one shell has not passed.
CLEAN := env -i PATH="$$PATH" HOME="$$HOME" LANG=C.UTF-8 $${CI:+CI="$$CI"}

test: $(VENV)/.test
	@$(CLEAN) $(BIN)/python -m pytest

soak: $(VENV)/.test
	@$(CLEAN) WORLDS=50000 $(BIN)/python -m pytest tests/test_simulation.py tests/test_apply_simulation.py \
		tests/test_crash.py

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --no-progress --quiet action.yml $(WORKFLOWS)
	@# `queue` came to GitHub after actionlint's last release.
	@if command -v actionlint >/dev/null; then \
		echo actionlint && actionlint -ignore 'unexpected key "queue"' $(WORKFLOWS); \
	else echo 'actionlint is not installed: skipped'; fi

bench: $(VENV)/.test
	@cd tests && ../$(BIN)/python -m benchmarks

SECONDS ?= 60

fuzz: $(VENV)/.test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris>=3'
	@for target in manifest plan answer layout; do \
		echo "fuzzing $$target for $(SECONDS) s"; \
		$(BIN)/python tests/fuzz.py $$target -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=1024 \
			-verbosity=0 -print_final_stats=1 || exit 1; \
	done

schemas: $(VENV)/.run
	@for name in manifest plan result; do \
		$(BIN)/reconciler schema $$name > $$name.new && \
		mv $$name.new schemas/$$name.schema.json || exit 1; \
	done

LOCK := docs/ci/requirements.txt

# For every system and Python at once; with what builds the tool, which is installed first as well.
lock: $(VENV)/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@echo '# What action.yml installs, by hash. Made by `make lock`: not to be edited.' > $(LOCK).new
	@$(BIN)/python -c 'import tomllib; \
		print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' | \
		$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
		--python-version 3.11 pyproject.toml - >> $(LOCK).new
	@mv $(LOCK).new $(LOCK)

clean:
	rm -rf $(VENV) .reconciler dist
