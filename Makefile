# The project's commands; `make help` prints them. Everything is installed into .venv.

PYTHON ?= python3
PORT ?= 3000
# Seconds for open requests to complete after SIGTERM.
GRACE_S ?= 15
# The runtime of the model; RUNTIME=torch installs torch.
RUNTIME ?= openvino
# An index with the CPU build of torch, which is smaller than PyPI's CUDA build.
TORCH_INDEX_URL ?=
# `make replay` sends COUNT tweets, RATE a second, to URL; by default to the port that compose publishes.
URL ?=
RATE ?= 20
COUNT ?= 2000
# A variable's value in the environment, or else in .env; `make env` itself reports bad lines of .env.
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
NO_STDERR := $(if $(filter env up demo,$(MAKECMDGOALS)),2>/dev/null)
setting = $(or $($1),$(if $(wildcard .env),$(shell \
	PYTHONPATH=$(HERE) $(PYTHON) -S -m env_file $1 .env $(NO_STDERR))))
# The container image's name for docker and compose.
IMAGE := $(or $(call setting,IMAGE),tweet-sentiment:latest)
export IMAGE
# BentoML sends no usage data unless the environment sets this to false.
BENTOML_DO_NOT_TRACK ?= true
export BENTOML_DO_NOT_TRACK

VENV := .venv
BIN := $(VENV)/bin
SOURCES := service.py startup.py pipeline.py api db inference patches process training benchmarks grafana env_file tools
# Compose 2 if it is installed, else 1.29.
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
STACK = -f docker-compose.yml $(if $(call setting,SQL_PORT_MAPPING),-f docker-compose.sql-port.yml)
# Tests run on all cores, four at most: each worker loads torch, and each server has threads of its own.
PYTEST := $(BIN)/pytest --numprocesses=logical --maxprocesses=4 --dist=worksteal
PIP_COMPILE := $(BIN)/pip-compile --quiet --strip-extras --no-header --annotation-style=line \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.PHONY: help serve test test-all test-slow test-faults test-container test-sqlserver test-stack lint audit bench train model starter bento \
	image up down env demo replay dashboards lock clean
.DEFAULT_GOAL := help

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: $(VENV)/$(if $(filter torch,$(RUNTIME)),.training,.serving)  ## serve on PORT (3000); imports the starter model if the Bento store has none
	@$(BIN)/python -m inference.starter
	$(BIN)/bentoml serve --port $(PORT) --timeout-graceful-shutdown $(GRACE_S)

test: $(VENV)/.dev  ## run the tests that each commit must pass: under 5 minutes on 2 cores
	$(PYTEST) -m "not slow"

test-all: lint test test-slow test-faults test-container  ## lint, and run all tests that this machine can run

test-slow: $(VENV)/.dev  ## run the slow tests that `make test` leaves out
	$(PYTEST) -m "slow and not (fault_injection or container or sqlserver or stack)"

test-faults: $(VENV)/.dev  ## kill, cut and fill everything under load; needs PostgreSQL's server
	$(PYTEST) -rP -m fault_injection

test-container: $(VENV)/.dev  ## build the image and run it with compose; INSTALL_DOCKER=1 lets root on Debian install Docker
	$(BIN)/pytest -m container --capture=no

test-sqlserver: $(VENV)/.dev  ## test on the SQL Server of SQL_SERVER and SA_PASSWORD, in databases and with logins of its own
	TEST_SQL_SERVER=1 $(BIN)/pytest -m sqlserver

test-stack: $(VENV)/.dev  ## test what `make up` has started: rows, dashboards, alert rules
	$(BIN)/pytest -m stack

lint: $(VENV)/.dev  ## check style, types and errors (pylint fails under 9.0)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(SOURCES)
	$(BIN)/pylint --jobs=0 --fail-under=9.0 --recursive=y $(SOURCES) tests

audit: $(VENV)/.dev  ## ask PyPI for known vulnerabilities of all pinned packages
	for pins in requirements/dev.txt benchmarks/baselines/requirements.txt; do \
		$(BIN)/pip-audit --strict --disable-pip --no-deps --progress-spinner off -r $$pins || exit; \
	done

bench: $(VENV)/.dev $(VENV)/peers/.installed  ## measure speed (MODEL=, TEXTS=, BENCH_DATABASE_URL=, DATASET=)
	$(BIN)/python -m benchmarks serving
	$(BIN)/python -m benchmarks overload
	$(BIN)/python -m benchmarks scaling
	$(BIN)/python -m benchmarks recording
	$(BIN)/python -m benchmarks training

train: $(VENV)/.training  ## train a model; store and publish it if it is better
	$(BIN)/python -m training

model: $(VENV)/.training  ## fetch HF_REPO_ID, or BASE_MODEL, into the Bento store
	$(BIN)/python -m training.fetch

starter: $(VENV)/.training  ## retrain the starter model on the tweets of DATASET
	$(BIN)/python -m training.starter

bento: $(VENV)/.serving  ## build a Bento with the same choice of model as `make serve`
	@$(BIN)/python -m inference.starter
	$(BIN)/bentoml build

image: bento  ## build IMAGE (tweet-sentiment:latest) from a new Bento
	docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0; \
	$(BIN)/bentoml containerize sentiment_service:latest --image-tag $(IMAGE)

up: env image  ## build the image, and start SQL Server, the service and Grafana
	$(COMPOSE) $(STACK) up -d --build

down:  ## stop the stack; predictions and dashboards stay
	$(COMPOSE) $(STACK) down

env:  ## add the settings that the stack needs, with generated passwords, to .env
	@PYTHONPATH=$(HERE) $(PYTHON) -S -m tools.generate_env .env

demo: up  ## start the stack, and replay tweets to fill the dashboards
	@$(MAKE) replay

replay: $(VENV)/$(if $(call setting,DATASET),.training,.serving)  ## send COUNT tweets (2000), RATE a second (20), to the service at URL
	@$(BIN)/python -m tools.replay $(if $(URL),--url $(URL)) --rate $(RATE) --count $(COUNT)

dashboards: $(VENV)/.dev  ## write Grafana's dashboards and alert rules
	$(BIN)/python -m grafana

lock: $(VENV)/.dev  ## resolve the pins of pyproject.toml into requirements/*.txt
	$(BIN)/pip install --quiet pip-tools
	$(PIP_COMPILE) -o requirements/serving.txt pyproject.toml
	$(PIP_COMPILE) --extra training -c requirements/serving.txt \
		-o requirements/training.txt pyproject.toml
	$(PIP_COMPILE) --extra training --extra dev -c requirements/training.txt \
		-o requirements/dev.txt pyproject.toml
	sed -i.bak 's/^\(torch==[0-9.]*\)+cpu/\1/' requirements/*.txt  # any build of that version
	rm requirements/*.bak

clean:  ## remove the virtual environment and all caches; models and predictions stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache

# The baselines of `make bench` have their own environment.
$(VENV)/peers/.installed: benchmarks/baselines/requirements.txt
	@$(PYTHON) -m venv --clear $(VENV)/peers
	@echo "Installing $< into $(VENV)/peers"
	@$(VENV)/peers/bin/pip install --quiet \
		$(if $(TORCH_INDEX_URL),--extra-index-url $(TORCH_INDEX_URL)) -r $<
	@touch $@

# Each group of requirements includes the one before it: serving, training, dev.
$(VENV)/.serving: requirements/serving.txt
$(VENV)/.training: requirements/training.txt
$(VENV)/.dev: requirements/dev.txt
$(VENV)/.%: requirements/%.txt
	@test -x $(BIN)/pip || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 is needed, and $(PYTHON) is older. Set another one, such as PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing $< into $(VENV)"
	@$(BIN)/pip install --quiet --no-compile $(if $(TORCH_INDEX_URL),--extra-index-url $(TORCH_INDEX_URL)) -r $<
	@touch $@
