# What a fresh clone needs: Go, git, make, and on Debian its package mirror. No Docker.
# The main ones: make demo, make test. make alone lists them all.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export CGO_ENABLED := 0
# The same flags everywhere: other flags would compile BuildKit a second time, for minutes.
export GOFLAGS := -trimpath

GOFLAGS_BUILD := -ldflags "-s -w"
# Real engines must run in end-to-end tests, one package at a time: they measure, and share ports.
E2E_PACKAGES ?= ./e2e/... ./internal/engine/...
E2E_TIMEOUT  ?= 70m
FUZZTIME     ?= 20s

UNIT_LOG := .cache/unit.log
E2E_LOG  := .cache/e2e.log

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: ## build bin/plimsoll
	go build $(GOFLAGS_BUILD) -o bin/plimsoll ./cmd/plimsoll

.PHONY: install
install: ## install plimsoll into Go's bin folder
	go install $(GOFLAGS_BUILD) ./cmd/plimsoll

.PHONY: deps
deps: ## install what real builds need and the machine lacks (runc, mmdebstrap, git …)
	@scripts/install-deps

.PHONY: deps-tests
deps-tests: ## install what the tests need besides (chromium)
	@scripts/install-deps tests

.PHONY: demo
demo: deps build ## prove the FastAPI example: findings, diff, and the table before and after
	@scripts/demo.sh

.PHONY: test
test: deps-tests build vet unit e2e ## run all tests, end-to-end ones included

.PHONY: unit
unit: ## run the tests that need no engine and no network
	@mkdir -p $(dir $(UNIT_LOG))
	go test ./... 2>&1 | tee $(UNIT_LOG)

.PHONY: e2e
e2e: deps-tests ## run the tests with a real engine, real builds and real servers
	@mkdir -p $(dir $(E2E_LOG))
	PLIMSOLL_E2E=require go test -count=1 -v -p 1 -timeout $(E2E_TIMEOUT) $(E2E_PACKAGES) 2>&1 | tee $(E2E_LOG)

.PHONY: fmt
fmt: ## format the Go files
	gofmt -l -w $$(git ls-files --cached --others --exclude-standard '*.go')

.PHONY: vet
vet: ## run go vet
	go vet ./...

.PHONY: generate
generate: ## write the list of rules and their pages anew
	go generate ./...

.PHONY: bench
bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: fuzz
fuzz: ## run each fuzz test for FUZZTIME (20s)
	@for package in $$(go list ./...); do \
		for name in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$name"; \
			go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$package; \
		done; \
	done
