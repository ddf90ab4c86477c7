# Two commands: `make run` and `make test`. Everything else is a part of them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
CARGO ?= cargo
DATA ?= data
# Where builds go, as cargo takes it.
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help run test soak browser-soak herd-test crash-test outage-test faults-test network-test strangers-test strangers-udp-test fuzz web types format lint deny tools-run tools-test rust-tests browser-tests web-tests bench

help: ## Lists these targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: tools-run web ## Builds pages and server, loads the demo county, starts; Ctrl-C stops.
	$(CARGO) build --release --bin yunfa
	exec target/release/yunfa serve --demo --data $(DATA)

test: tools-test lint web-tests rust-tests browser-tests ## Runs every check; what `.ci/run` calls.
	@echo "all checks passed"

lint: ## Formats and lints are clean.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

web/node_modules: web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@touch $@

tests/browser/node_modules: tests/browser/package-lock.json
	cd tests/browser && npm ci --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print)
	cd web && npm run build

web: web/dist/index.html ## Builds the pages.

web-tests: web ## Checks types, style and logic of the pages.
	cd web && npm run check && npm test

rust-tests: web ## Rules of the tree, unit, model, storage (SQLite and PostgreSQL) and whole-server tests.
	tests/with-postgres.sh $(CARGO) test --workspace --locked

# The server is the one that the Rust tests built: the same features, so that nothing is compiled twice.
browser-tests: web tests/browser/node_modules ## Two real browsers hold real calls through a real server.
	$(CARGO) test --workspace --locked --no-run
	cd tests/browser && npm test

types: ## Writes the TypeScript types of the protocol anew.
	YUNFA_WRITE_TYPES=1 $(CARGO) test -p yunfa-signaling --test types

format: web/node_modules ## Formats Rust and pages.
	$(CARGO) fmt --all
	cd web && npm run format

deny: ## Checks licences, banned crates and sources (installs cargo-deny when it is missing).
	command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny --offline check bans licenses sources

bench: ## Criterion benches of the media plane; figures go to docs/performance.md.
	$(CARGO) bench -p yunfa-media

soak: test deny browser-soak herd-test crash-test outage-test faults-test network-test strangers-test strangers-udp-test fuzz ## What is slow: everything of `test`, licences, crashes, outages, networks, strangers, fuzzing, and the model test with many more cases.
	PROPTEST_CASES=20000 $(CARGO) test --release -p yunfa-signaling --test model

herd-test: ## Lets 500 clients lose their sockets at once, by a cut line and by a killed server; all are back within 15 s.
	tests/herd.sh

browser-soak: web tests/browser/node_modules ## Reloads and crashes pages in a call again and again, leaves them behind or frozen for six minutes, looks at both languages.
	$(CARGO) build --release --locked --bin yunfa
	cd tests/browser && YUNFA=$(CURDIR)/target/release/yunfa npm run soak

crash-test: ## Kills the server 50 times under 10 calls, on SQLite and on PostgreSQL, and compares its records.
	tests/crash.sh

fuzz: ## Fuzzes what strangers and participants can send, ten minutes per target (FUZZ_SECONDS); `make test` replays the corpora.
	tests/fuzz.sh

outage-test: ## Stops PostgreSQL for a minute under calls: none drops, and every record is true.
	$(CARGO) build --release --locked --bin yunfa
	$(CARGO) build --release --locked -p yunfa-loadtest
	tests/with-postgres.sh --durable tests/outage.sh $(TARGET)/release/yunfa $(TARGET)/release/yunfa-loadtest

faults-test: ## Fills the disk, stops the database, the process, and lets it sleep, for a minute each under 10 calls (needs root).
	$(CARGO) test --release --locked --test it -- --ignored --nocapture --test-threads 1 faults::

network-test: ## Cuts sockets for 59 s and links, lets a client be gone and another one change its network, under calls; needs root.
	$(CARGO) test --release --locked --test it -- --ignored --nocapture --test-threads 1 network::

strangers-test: ## Besieges a release build: bombs, 2 500 hostile clients under calls, logins by the clock.
	$(CARGO) test --release --locked --test it -- --include-ignored --nocapture --test-threads 1 strangers:: limits::

strangers-udp-test: ## Attacks the UDP port of a release server from network namespaces, under calls; needs root.
	$(CARGO) build --release --locked --bin yunfa
	$(CARGO) build --release --locked -p yunfa-loadtest
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	    $(TARGET)/release/yunfa-loadtest strangers --binary $(TARGET)/release/yunfa --data "$$folder/data"

tools-run:
	@tests/tools.sh run

tools-test:
	@tests/tools.sh test
