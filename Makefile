# Every command that a person or CI runs. `make` lists them.

.DEFAULT_GOAL := help
SHELL := /bin/bash
CARGO ?= cargo

.PHONY: help run run-detached stop build tools test test-long check bench fmt openapi

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

tools: ## Install what is missing (apt, with sudo when not root)
	@scripts/ensure-tools

build: tools ## Build the programs
	@echo "Building pdm and the lab; the first time takes some minutes."
	@$(CARGO) build --locked --quiet --bin pdm --bin conformance

run: build ## Start the lab in the foreground: the whole world on this machine; Ctrl-C ends it
	@exec target/debug/conformance lab

run-detached: build ## Start the lab in the background; returns when it is ready
	@target/debug/conformance lab --detach

stop: ## End the lab that run-detached started
	@target/debug/conformance lab stop

test: tools ## Run every test: unit, both databases, real PowerDNS, README
	@scripts/test

test-long: tools ## The long programme; leaves a report in docs/evidence/
	@scripts/test-long

check: tools ## Format, lints, dependencies, generated files
	@scripts/check

bench: tools ## Measure against bare PowerDNS and the replaced system; prints ratios
	@$(CARGO) build --locked --release --bin pdm --bin pdm-bench
	@target/release/pdm-bench --quick

fmt: ## Format the code
	@$(CARGO) fmt --all

openapi: build ## Write docs/openapi.json anew
	@target/debug/pdm openapi > docs/openapi.json
