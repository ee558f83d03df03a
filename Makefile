# Headroom: build, run and test. Everything that is missing is installed by `make deps` (Debian packages and Go modules).
GO       ?= go
BIN      := bin
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
SOURCES  := $(shell find . -name '*.go' -not -name '*_test.go' -not -path './bin/*') go.mod go.sum
TESTFLAGS ?= -race -timeout 10m
QUICKSTART := examples/quickstart/headroom.yaml

.DEFAULT_GOAL := help
.PHONY: help deps build run test test-scaling test-balancing test-monitoring test-integration lint bench bench-balancer soak clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

deps: ## install what building and testing need and this machine lacks
	@command -v $(GO) >/dev/null || { echo "make: Go is not installed: see https://go.dev/doc/install" >&2; exit 1; }
	@command -v gcc >/dev/null || { apt-get update -qq && apt-get install -y -qq gcc libc6-dev; } # for -race
	@$(GO) mod download

build: $(BIN)/headroom $(BIN)/shop ## build bin/headroom and the sample service bin/shop

$(BIN)/headroom: $(SOURCES)
	$(GO) build -ldflags '$(LDFLAGS)' -o $@ ./cmd/headroom

$(BIN)/shop: $(SOURCES)
	$(GO) build -o $@ ./examples/shop

run: build ## the main job: balance, watch and scale the sample service through a surge
	@$(BIN)/headroom run -c $(QUICKSTART)

# Those through the real binary run one package at a time: they measure how soon something happens, on few cores. They are
# never taken from the cache, which does not know of what they build.
test: deps build lint ## all tests, with the race detector
	$(GO) test $(TESTFLAGS) $$($(GO) list ./... | grep -v /test/)
	$(GO) test $(TESTFLAGS) -count=1 -p 1 ./test/...

test-scaling: ## decisions, planning and the control loop
	$(GO) test $(TESTFLAGS) ./scaling/... ./orchestration/... ./control/... ./platform/...

test-balancing: ## the data plane
	$(GO) test $(TESTFLAGS) ./balancing/...

test-monitoring: ## metrics, signals, alerts and objectives
	$(GO) test $(TESTFLAGS) ./monitoring/...

test-integration: build ## behavior through the real binary
	$(GO) test $(TESTFLAGS) -count=1 -p 1 ./test/...

lint: ## gofmt, vet, staticcheck, tidy go.mod
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not gofmt'ed: $$unformatted" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff

bench: build ## what docs/performance.md says: footprint, start, cost per request beside peers
	@$(GO) run ./test/bench -headroom $(BIN)/headroom -shop $(BIN)/shop

bench-balancer: $(BIN)/headroom ## headroom beside HAProxy, nginx, Caddy and ReverseProxy; BENCH='-only small,tls-full -rounds 1' for a part
	@$(GO) build -o $(BIN)/bench-balancer ./test/bench/balancer
	@$(BIN)/bench-balancer -headroom $(BIN)/headroom -json $(BIN)/bench-balancer.json -svg $(BIN)/bench-balancer.svg $(BENCH)

soak: build ## an hour of surges, crashes and restarts; HEADROOM_SOAK=10m for another length
	HEADROOM_SOAK=$${HEADROOM_SOAK:-1h} $(GO) test -count=1 -timeout 0 -run TestSoak -v ./test/soak

clean: ## remove what was built and the quickstart's state
	rm -rf $(BIN) examples/quickstart/.headroom
