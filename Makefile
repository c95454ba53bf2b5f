# Two commands do everything on a machine with nothing but Python 3.11 to 3.13: `make run`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
comma := ,
# Spark needs Java; where there is some, its tests run too
EXTRAS := $(if $(shell command -v java 2>/dev/null),dev$(comma)spark,dev)
export OMP_WAIT_POLICY ?= passive
export DO_NOT_TRACK = 1

.PHONY: install run run-all lint quick test

install: $(INSTALLED)

# torch first and alone: any other way pip takes a build with gigabytes of CUDA where a CPU build is offered
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet torch==2.13.0 -c constraints.txt
	$(BIN)/pip install --quiet -e '.[$(EXTRAS)]' -c constraints.txt
	touch $@

run: install
	$(BIN)/kedro run --only-changed

# every block of item vectors and every model; about an hour
run-all: install
	$(BIN)/kedro run --env sample_all --pipelines full

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# the tests of the library, without those that take long: while one works on it
quick: lint
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow and not spark" tests/unit

test: lint
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder
