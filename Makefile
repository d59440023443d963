# 'make' alone lists the targets. PYTHON, PORT, THREADS, TORCH_INDEX and
# LAB_OPTIONS (e.g. --no-browser) can be set.
PYTHON ?= python3
PORT ?=
THREADS ?=
export TORCH_INDEX
RUN = .venv/bin/python -m gpu_course

.PHONY: help lab test test-browser test-gpu test-reader run-notebooks format \
	environment

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s%s\n", $$1, $$2 }' Makefile

lab: environment  ## open the course in JupyterLab (PORT=8899 picks the port)
	@$(RUN) lab $(if $(PORT),--port $(PORT)) $(LAB_OPTIONS)

test: environment  ## check the code and execute every notebook
	@$(RUN) test

test-browser: environment  ## visit every chapter in a browser, not only three
	@$(RUN) test -- -m "long or not long" tests/chapters/test_browser.py

test-gpu: environment  ## execute every notebook with the GPU in use
	@$(RUN) test --gpu

test-reader: environment  ## only execute every notebook, as a reader does (THREADS=4)
	@$(RUN) test --reader $(if $(THREADS),--threads $(THREADS))

run-notebooks: environment  ## execute the notebooks afresh and store the outputs
	@$(RUN) run-notebooks

format: environment  ## format the code and the notebooks
	@.venv/bin/python -m ruff check --fix .
	@.venv/bin/python -m ruff format .

environment:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11 to 3.14, or name it: 'make lab PYTHON=/path/to/python3.12'." >&2; exit 1; }
	@$(PYTHON) gpu_course/bootstrap.py
