# bulwark: see README.md. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export CGO_ENABLED := 0
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

# Tools, pinned; go run fails when one cannot be had.
GOFUMPT := mvdan.cc/gofumpt@v0.12.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

SUITE ?= bookworm
FUZZTIME ?= 1m
POINTS ?= 0
NESTED ?= -nested

.PHONY: help build plan test unit lint fuzz fuzz-minute rig vm torture bench vuln

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## build bin/bulwark
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/bulwark ./cmd/bulwark

plan: build ## plan this host against the embedded baseline; changes nothing
	./bin/bulwark plan --policy baseline

test: lint unit fuzz-minute ## the gate: format, vet, staticcheck, tests with the race detector, a minute of fuzz

lint: ## gofumpt, go vet, staticcheck, go mod tidy
	@out=$$($(GO) run $(GOFUMPT) -extra -l .); [ -z "$$out" ] || { echo "not formatted: $$out"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags rig ./rig/...
	$(GO) run $(STATICCHECK) ./...
	$(GO) mod tidy -diff

unit: ## tests with the race detector (needs a C compiler for it)
	rig/deps test
	BULWARK_AUDIT_RULES=$$(rig/deps rules) CGO_ENABLED=1 $(GO) test -race -shuffle=on -timeout 30m ./...

fuzz: ## each fuzz target for FUZZTIME: make fuzz FUZZTIME=5m
	rig/fuzz $(FUZZTIME)

fuzz-minute: ## all fuzz targets, a minute together
	rig/fuzz --in-all 60s

rig: ## stories and proofs on a real systemd and dockerd in a container (seconds)
	rig/run container

vm: ## the same in a virtual machine: make vm SUITE=bookworm|trixie|forky (minutes)
	rig/run $(SUITE)

torture: ## every point of every sweep, recovery killed at each of its own, all errors, all power cuts: days. Less: make torture POINTS=100 NESTED=
	BULWARK_SWEEP=full $(GO) test -timeout 24h ./remediate/internal/txn
	rig/run container -run 'Invariant|Faults' -points $(POINTS) $(NESTED) -test.timeout 240h
	rig/powersweep -points $(POINTS)
	rig/powercut bookworm -runs 50

bench: build ## ratios of plan and apply against the bare daemon, and of rules against none, in the container rig; of audit rules in a VM
	rig/bench
	rig/bench audit

vuln: ## govulncheck; needs the network
	$(GO) run $(GOVULNCHECK) ./...
