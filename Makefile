# What a fresh clone needs: Go, git, make, and on Debian its package mirror. No Docker.
# The main ones: make demo, make test. make alone lists them all.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export CGO_ENABLED := 0
# The same flags everywhere: other flags would compile BuildKit a second time, for minutes. Without its tracing pages, which nobody
# sees, gRPC needs no templates, and the program is 9 MB smaller: see the fence of templates in internal/architecture.
export GOFLAGS := -trimpath -tags=grpcnotrace

GOFLAGS_BUILD := -ldflags "-s -w"
# Real engines must run in end-to-end tests. They are two groups side by side, since each waits a good deal: for programs to
# start and stop, for health checks. The first are the proofs that share an engine, and what engines do by themselves.
E2E_PROOFS   ?= ^(TestProjects|TestPlantedBreakages|TestInspectBases|TestCompose|TestReorderedImagesAreTheSame)$$
E2E_ENGINES  ?= ./internal/engine/...
E2E_TEST      = PLIMSOLL_E2E=require PLIMSOLL_TEST_PROGRAM=$(CURDIR)/bin/plimsoll PLIMSOLL_TEST_TOOL=$(CURDIR)/bin/test-tool \
                go test -count=1 -v -p 1 -parallel 4 -timeout $(E2E_TIMEOUT)
E2E_TIMEOUT  ?= 70m
# The engines' suites take two minutes each. One that hangs says where, and long before CI ends.
E2E_ENGINES_TIMEOUT ?= 20m
FUZZTIME     ?= 20s

UNIT_LOG := .cache/unit.log
E2E_LOGS := .cache/e2e-proofs.log .cache/e2e-others.log

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
test: deps-tests build vet ## run all tests, end-to-end ones included
	@$(MAKE) --no-print-directory -j2 unit stand-ins
	@$(MAKE) --no-print-directory e2e

.PHONY: unit
unit: ## run the tests that need no engine and no network
	@mkdir -p $(dir $(UNIT_LOG))
	go test ./... 2>&1 | tee $(UNIT_LOG)

.PHONY: stand-ins
stand-ins: deps-tests ## build the base images and engines that end-to-end tests want, where they are missing
	go build -o bin/testbase ./testbase
	bin/testbase build
	bin/testbase engines

.PHONY: e2e
e2e: deps-tests build ## run the tests with a real engine, real builds and real servers
	go build $(GOFLAGS_BUILD) -o bin/test-tool ./internal/engine/enginetest/testdata/tool
	@rm -f $(E2E_LOGS); mkdir -p $(dir $(E2E_LOGS))
	@$(MAKE) --no-print-directory -j2 -k e2e-proofs e2e-others

# It prints what it has to say at its end: two streams at once can't be read.
.PHONY: e2e-proofs
e2e-proofs:
	@$(E2E_TEST) -run '$(E2E_PROOFS)' ./e2e > .cache/e2e-proofs.log 2>&1 || failed=1; \
	$(E2E_TEST) -timeout $(E2E_ENGINES_TIMEOUT) $(E2E_ENGINES) >> .cache/e2e-proofs.log 2>&1 || failed=1; \
	cat .cache/e2e-proofs.log; exit $${failed:-0}

.PHONY: e2e-others
e2e-others:
	@$(E2E_TEST) -skip '$(E2E_PROOFS)' ./e2e/... 2>&1 | tee .cache/e2e-others.log

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
