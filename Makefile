# Both commands set up what they need in .venv; a second call installs nothing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# the stamp carries pyproject's checksum: touching the file reinstalls nothing, changing it does
STAMP  := $(VENV)/.installed-$(shell cksum pyproject.toml | cut -d' ' -f1)

.PHONY: setup demo test test-gpu test-weights test-slow lint clean

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

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist *.egg-info
