# Portico. `make run` runs it, `make test` tests it; both set up what they need.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PAGE := web/portal/dist/index.html
PAGE_SOURCES := $(shell find web/portal -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

# Always built with the features of the whole workspace, as tests are: so nothing is built twice.
PORTICO := $(or $(CARGO_TARGET_DIR),target)/debug/portico

.PHONY: help run binary web build test test-rust test-web test-browser check bench deploy-check openapi fmt

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: binary ## the whole of Portico on this machine (PORT, DATA_DIR)
	exec $(PORTICO) run

binary: web ## the command behind `make run`
	cargo build --quiet --workspace --bin portico

web: $(PAGE) ## the sign-in page

$(PAGE): $(PAGE_SOURCES)
	cd web/portal && npm ci --no-audit --no-fund && npm run build
	touch $(PAGE)

build: web ## release binaries for Lambda, and nothing deployed
	infra/deploy-check/run --build-only

test: test-web test-rust test-browser ## everything that can fail, in a browser too

test-rust: web
	cargo test --workspace --quiet

test-web: web
	cd web/portal && npm test

test-browser: binary
	tests/browser/run $(PORTICO)

check: web ## formatting, lints, documentation, dependencies, OpenAPI document
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items --quiet
	infra/deny
	cd web/portal && npm run check
	$(MAKE) --no-print-directory binary
	$(PORTICO) openapi | diff -u infra/openapi.yaml - || { echo 'run `make openapi`'; exit 1; }

openapi: binary ## writes infra/openapi.yaml from the code
	$(PORTICO) openapi > $(PORTICO).yaml
	mv $(PORTICO).yaml infra/openapi.yaml

fmt: ## formats the code
	cargo fmt --all

bench: web ## the figures of the release binaries, beside their bars
	cargo run --profile measure --quiet -p portico-bench

deploy-check: web ## deploys template and binaries into an emulator of AWS, and signs up there
	infra/deploy-check/run
