# Nothing here is more than the command beside it. Bare `make` lists the targets.

CARGO  ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
PYTEST := e2e/.venv/bin/python3 -m pytest -c e2e/pytest.ini

.DEFAULT_GOAL := help
.PHONY: help build test lint doc e2e bench bench-peers bench-server ci

help:  ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

build:  ## the binary, target/release/countersign
	$(CARGO) build --release --locked

test:  ## the tests of the workspace
	$(CARGO) test --workspace --locked

lint:  ## rustfmt and clippy; warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

doc:  ## the documentation of the code; warnings are errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

e2e:  ## the binary with other people's programs, and the documents (installs what it needs)
	e2e/install
	$(CARGO) build --workspace --bins --locked
	$(CARGO) build -p countersign-core --example access_token --locked
	E2E_BINARY=$(TARGET)/debug/countersign $(PYTEST) e2e docs $(E2E)

bench:  ## what it costs, as ratios to references measured in the same run
	$(CARGO) run --release --locked -p countersign-bench
	$(CARGO) run --release --locked -p countersign-bench -- replay
	$(CARGO) run --release --locked -p countersign-bench -- revocation
	$(CARGO) run --release --locked -p countersign-bench -- stream
	$(CARGO) run --release --locked -p countersign-bench -- envelope
	$(CARGO) run --release --locked -p countersign-bench -- feed
	$(CARGO) run --release --locked -p countersign-bench -- logins
	$(CARGO) run --release --locked -p countersign-bench -- sessions

bench-peers:  ## verifying a token beside npm's oidc-provider (installs it)
	bench/peers/install
	$(CARGO) run --release --locked -p countersign-bench -- peers

bench-server:  ## the same for the whole server over sockets, beside nginx
	$(CARGO) build --release --locked -p countersign -p countersign-bench
	$(TARGET)/release/countersign-bench server

ci:  ## everything but the benches, as before a change lands
	.ci/run
