# Drawbridge. `make` lists the targets. Each installs what it misses and says so
# (scripts/setup.sh); a second run is quick.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
BUILD   := -trimpath -buildvcs=false
SETUP   := scripts/setup.sh
FUZZTIME ?= 10m
STRESSTIME ?= 5
DISPLAYED := $(or $(DISPLAY),$(WAYLAND_DISPLAY),$(filter Darwin,$(shell uname -s)))

.PHONY: help run test build desktop package lint fmt bench conformance soak fuzz stress clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-11s %s\n", $$1, $$2 }'

run: build $(if $(DISPLAYED),desktop) ## the whole thing on a built-in demo: sign in, call a tool, refresh, call again
	@bin/drawbridge demo

test: ## all tests: Go (race detector), front end, end to end
	@$(SETUP) test
	@scripts/test.sh

build: ## bin/drawbridge, the command, a static binary; bin/drawbridge-demo, its demo; bin/drawbridge-replica
	@$(SETUP) core
	CGO_ENABLED=0 go build $(BUILD) -ldflags '$(LDFLAGS)' -o bin/drawbridge .
	CGO_ENABLED=0 go build $(BUILD) -tags demo -ldflags '$(LDFLAGS)' -o bin/drawbridge-demo .
	CGO_ENABLED=0 go build $(BUILD) -tags replica -ldflags '$(LDFLAGS)' -o bin/drawbridge-replica .

desktop: ## bin/drawbridge-desktop: the window
	@$(SETUP) desktop
	@npm --prefix frontend run --silent build
	go build $(BUILD) -tags "$$(scripts/window-tags.sh)" -ldflags '$(LDFLAGS)' -o bin/drawbridge-desktop .

package: ## bin/packages: .deb, .rpm, Windows installer, macOS archives, SBOM, checksums; VERSION=1.2.3; PART=linux for one part
	@$(SETUP) package
	@npm --prefix frontend run --silent build
	@VERSION=$(if $(filter command line environment,$(origin VERSION)),$(VERSION)) scripts/package.sh $(PART)

lint: ## everything that is checked without running the program
	@$(SETUP) desktop
	@scripts/lint.sh

fmt: ## format Go and the front end
	@$(SETUP) desktop
	@go tool -modfile=tools/go.mod gofumpt -l -w *.go bridge test
	@npm --prefix frontend run --silent format

bench: ## speed and memory beside a bare pipe, HTTP and mcp-remote; writes docs/performance.md (10 min)
	@$(SETUP) test
	@npm --prefix frontend run --silent build
	@go test -run '^$$' -bench . -benchmem ./bridge/...
	@DRAWBRIDGE_E2E=1 DRAWBRIDGE_LONG=1 DRAWBRIDGE_BENCH_REPORT=$(CURDIR)/docs/performance.md \
	  go test -count=1 -v -timeout 30m ./test/bench && \
	DRAWBRIDGE_E2E=1 DRAWBRIDGE_BENCH_REPORT=$(CURDIR)/docs/performance.md go test -count=1 -v -timeout 20m ./test/bench/bridge

conformance: ## the official conformance suite through drawbridge, into docs/conformance.md; ONLY=auth/ runs a part
	@$(SETUP) test
	@go run ./test/conformance run -report docs/conformance.md -only '$(ONLY)'
	@[ -n '$(ONLY)' ] || go run ./test/conformance/front -report docs/conformance.md

soak: ## many processes on one sign-in, faults and kills: the long forms (30 min); ONLY=TestKills runs one
	@$(SETUP) test
	@scripts/soak.sh "$(ONLY)"

fuzz: ## the readers and parsers of foreign input, with inputs made up; FUZZTIME=10m for all together; ONLY=bridge/remote runs a part
	@$(SETUP) core
	@FUZZTIME='$(FUZZTIME)' scripts/fuzz.sh '$(ONLY)'

stress: ## each Go test again and again on 1, 2 and 4 processors; STRESSTIME=5 seconds for each (50 min); ONLY=bridge/guard runs a part
	@$(SETUP) test
	@npm --prefix frontend run --silent build
	@STRESSTIME='$(STRESSTIME)' scripts/stress.sh '$(ONLY)'

clean: ## remove what the other targets made (not the npm packages)
	rm -rf bin build/bin test/artifacts frontend/dist-fake frontend/test-results
	find frontend/dist -mindepth 1 ! -name .gitkeep -delete
