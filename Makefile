# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

# options of ansible-playbook, or of the tests: make up ARGS='-e cluster_name=x'
ARGS ?=
KUBELOCAL_CACHE ?= $(HOME)/.cache/kubelocal
export KUBELOCAL_CACHE
# the collections of .venv, whatever else is installed for this user
export ANSIBLE_COLLECTIONS_PATH = $(CURDIR)/.venv/collections
# no inventory is needed, and none is missed
export ANSIBLE_LOCALHOST_WARNING = false
export ANSIBLE_INVENTORY_UNPARSED_WARNING = false

testbed = $(KUBELOCAL_CACHE)/testbed.yml
prepare = .venv/bin/python tests/testbed/prepare
# evaluated when used: the file may be written meanwhile
play = .venv/bin/ansible-playbook kubelocal.registry.$(1) $$(test ! -e "$(testbed)" || echo "-e @$(testbed)")

.PHONY: help up down status test test-long bench venv

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile

up: venv ## a cluster with a registry that works: everything it needs, made and checked
	@$(prepare) programs
	@$(call play,workstation)
	@$(prepare) images
	@$(call play,up) $(ARGS)

down: venv ## remove the cluster and the registry's container; the images pushed stay (delete them: ARGS='-e registry_purge=true')
	@$(call play,down) $(ARGS)

status: venv ## each link between host, registry, nodes and pods, and how to mend one that is broken
	@$(call play,status) $(ARGS)

test: ## everything CI runs
	@scripts/venv --tests
	@.venv/bin/python -m tests.run $(ARGS)

test-long: ## the same, and what takes too long for CI
	@scripts/venv --tests
	@.venv/bin/python -m tests.run --long $(ARGS)

bench: ## how long things take, compared with other ways of doing them
	@scripts/venv --tests
	@$(prepare)
	@.venv/bin/python -m tests.benchmarks $(ARGS)

venv:
	@scripts/venv
