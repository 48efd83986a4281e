# The two commands of the README. Everything else is manage.py.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE =

.PHONY: up test install install-dev

# The lock names every package, so pip has nothing to resolve: left to it, a newer release of a package that another one
# wants with an extra (coverage[toml]) would stand before the locked one and be refused for want of a hash.
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps

$(VENV)/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 2; }
	@$(PIP_INSTALL) -r requirements.lock
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock $(VENV)/installed
	@$(PIP_INSTALL) -r requirements-dev.lock
	@touch $@

install: $(VENV)/installed
install-dev: $(VENV)/installed-dev

up: install
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py ensure_admin
	@$(BIN)/python manage.py register_local_node
	@exec $(BIN)/python manage.py serve

test: install-dev
	@.ci/install-services
	@exec .ci/test
