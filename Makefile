# Both commands set up what they need in .venv; a second call installs nothing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# the stamp carries pyproject's checksum: touching the file reinstalls nothing, changing it does
STAMP  := $(VENV)/.installed-$(shell cksum pyproject.toml | cut -d' ' -f1)

.PHONY: setup demo test test-gpu test-weights test-slow test-browser browser lint clean

setup: $(STAMP)

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "vfsrbench needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing vfsrbench and its dependencies into $(VENV) (once; torch is large) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[dev]'
	@rm -f $(VENV)/.installed-*
	@touch $@

demo: $(STAMP)
	@$(BIN)/vfsrbench demo

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not gpu and not weights and not slow"

test-gpu: $(STAMP)
	$(BIN)/python -m pytest -m gpu

test-weights: $(STAMP)
	$(BIN)/python -m pytest -m weights

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

# the site in a real browser: Playwright drives the Chromium of the system
test-browser: browser
	VFSRBENCH_BROWSER=1 $(BIN)/python -m pytest -m browser

browser: $(STAMP)
	@$(BIN)/python -c 'import playwright' 2>/dev/null || \
	    $(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[browser]'
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	    command -v google-chrome >/dev/null || { echo "no Chromium found: apt-get install chromium"; exit 2; }

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) build dist *.egg-info
