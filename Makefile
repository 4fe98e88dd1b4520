# Broadsheet: `make run` starts it, `make test` tests it; both build the same environment in .venv from the lock files.

PYTHON ?= python3
BIN := .venv/bin
# Where pip looks for packages is left to pip's own settings (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS, ...).
LOCKS := requirements.lock requirements-dev.lock

.DEFAULT_GOAL := help
.PHONY: help run test check e2e bench results translations screenshots lock clean

help: ## Say what can be made
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## /  make \1\t/' | expand -t 16

run: .venv/.run ## Install and start Broadsheet; it prints the link to open
	@$(BIN)/broadsheet up

test: .venv/.dev ## Run the tests (ARGS="-k digest" chooses among them)
	$(BIN)/python -m pytest -q -n auto $(ARGS)

check: .venv/.dev ## Check format, style, types, imports between rooms, and the generated parts of the README
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cog --check README.md

e2e: .venv/.dev ## Run the browser tests (they need Chromium)
	$(BIN)/python -m pytest -q -rs tests/browser $(ARGS)

bench: .venv/.dev ## Measure; nothing here passes or fails
	$(BIN)/python -m pytest -q -o addopts="--import-mode=importlib -p no:cacheprovider" --benchmark-only tests/bench $(ARGS)

results: .venv/.run ## Judge every ranker on the public data in DATA=folder and write training/RESULTS.md again (an hour)
	@test -n "$(DATA)" || { echo "Name the folder of the data: make results DATA=folder"; exit 2; }
	for corpus in citeulike arxiv-authors screening hf; do \
		$(BIN)/python -m training evaluate --corpus $$corpus --data $(DATA) --out training/results/$$corpus || exit 1; done
	$(BIN)/python -m training results training/results

screenshots: .venv/.dev ## Take the pictures of the README again (they need Chromium)
	$(BIN)/python tests/browser/screenshots.py .github/screenshots

translations: .venv/.dev ## Find what the pages say, and bring the catalogues of web/translations up to it
	@mkdir -p build
	$(BIN)/pybabel -q extract -F pyproject.toml -k _l -k lazy_gettext --no-location --sort-output --omit-header --width 130 -o build/messages.pot .
	for one in web/translations/*/LC_MESSAGES; do $(BIN)/pybabel -q update -i build/messages.pot -o $$one/messages.po \
		-l $$(basename $$(dirname $$one)) --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width 130 || exit 1; done
	$(BIN)/pybabel -q compile -d web/translations --statistics

lock: ## Make the lock files again from pyproject.toml, with the newest versions it allows
	@$(require_python)
	rm -rf build/lock
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install .
	build/lock/bin/pip freeze --exclude broadsheet | sed 's/+cpu$$//' > build/lock/run
	build/lock/bin/pip install '.[dev]'
	build/lock/bin/pip freeze --exclude broadsheet | sed 's/+cpu$$//' | grep -vxFf build/lock/run > build/lock/dev
	{ sed '/^#/!d' requirements.lock; cat build/lock/run; } > build/lock/new && mv build/lock/new requirements.lock
	{ sed '/^#/!d' requirements-dev.lock; echo '-r requirements.lock'; cat build/lock/dev; } > build/lock/new && \
		mv build/lock/new requirements-dev.lock

clean: ## Remove the environment and what was built; papers and votes stay
	rm -rf .venv build dist

.venv/.run: requirements.lock pyproject.toml
	@$(require_python)
	@$(advise_torch)
	@echo "Installing into .venv: a minute or two the first time"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -r requirements.lock
	$(BIN)/python -m pip install -q --no-deps -e .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.run
	$(BIN)/python -m pip install -q -r requirements-dev.lock
	@touch $@

define require_python
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	{ echo "Broadsheet needs Python 3.11 or newer, and '$(PYTHON)' is not: install one, then run: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
endef

# The same pin is a small build on PyTorch's own CPU index and a large CUDA one on the public registry.
define advise_torch
if [ "$$(uname -s)" = Linux ] && [ ! -e /dev/nvidiactl ] && [ -z "$$PIP_FIND_LINKS$$PIP_EXTRA_INDEX_URL$$PIP_INDEX_URL" ]; then \
	echo "No NVIDIA device here. pip may fetch PyTorch's CUDA build, about 2.8 GB; it works, but the CPU build is 0.2 GB. To get that one:"; \
	echo "    PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make $(MAKECMDGOALS)"; \
fi
endef
