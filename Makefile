# Headroom: build, run and test. Everything that is missing is installed by `make deps` (Debian packages and Go modules).
GO       ?= go
BIN      := bin
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
SOURCES  := $(shell find . -name '*.go' -not -name '*_test.go' -not -path './bin/*') go.mod go.sum
TESTFLAGS ?= -race -timeout 10m
QUICKSTART := examples/quickstart/headroom.yaml

# What tests measure headroom by: HTTP/2 conformance, and an authority that issues certificates by ACME. Tests look for them in TEST_TOOLS.
TOOLS  := $(BIN)/tools
export TEST_TOOLS := $(abspath $(TOOLS))
H2SPEC := github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible
PEBBLE := github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1
# The same of Debian, as PROGRAM:PACKAGES: gcc is for the race detector, nginx, Apache and HAProxy read what headroom sends,
# slowhttptest attacks it, openssl speaks TLS with it, Prometheus sends it metrics, Redis counts its shared limits, and the pages of docs use curl and awk.
PROGRAMS := gcc:gcc,libc6-dev curl:curl awk:mawk openssl:openssl nginx:nginx-light apache2:apache2-bin haproxy:haproxy slowhttptest:slowhttptest \
	prometheus:prometheus redis-server:redis-server

.DEFAULT_GOAL := help
.PHONY: help deps build geo-database run test test-allocations test-scaling test-balancing test-monitoring test-integration differential lint bench bench-balancer soak clean bench-scaling bench-backtest bench-algorithms bench-chaos

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

# As root on Debian what is missing is installed; elsewhere it is named, and the tests that need it skip. policy-rc.d keeps packages from
# starting as services, and disabling keeps those from starting with the machine.
deps: ## install what building and testing need and this machine lacks
	@command -v $(GO) >/dev/null || { echo "make: Go is not installed: see https://go.dev/doc/install" >&2; exit 1; }
	@missing=$$(PATH="$$PATH:/usr/sbin"; for need in $(PROGRAMS); do command -v "$${need%%:*}" >/dev/null || echo "$${need#*:}"; done | tr ',\n' '  '); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "make: not installed, so tests that need them skip: $$missing(on Debian, as root: make deps)" >&2; exit 0; \
	fi; \
	policy=/usr/sbin/policy-rc.d; \
	if [ ! -e $$policy ]; then printf '#!/bin/sh\nexit 101\n' >$$policy; chmod +x $$policy; trap "rm -f $$policy" EXIT; fi; \
	echo "make: installing $$missing" >&2; \
	if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; } >/dev/null; then \
		echo "make: these packages could not be installed (see above; is there a network?): $$missing" >&2; exit 1; \
	fi; \
	if [ -d /run/systemd/system ]; then \
		for service in nginx haproxy prometheus redis-server; do case "$$missing" in *$$service*) systemctl disable --quiet $$service;; esac; done; \
	fi
	@$(GO) mod download || { echo "make: the Go modules could not be downloaded (see above; is there a network?)" >&2; exit 1; }
	@$(call tool,$(H2SPEC))
	@$(call tool,$(PEBBLE))

# tool installs PACKAGE@VERSION into bin/tools, unless it is there in that version.
tool = $(GO) version -m $(TOOLS)/$(notdir $(firstword $(subst @, ,$(1)))) 2>/dev/null | grep -qF '$(lastword $(subst @, ,$(1)))' || \
	GOBIN=$(abspath $(TOOLS)) $(GO) install $(1) || { echo "make: $(1) could not be installed (see above; is there a network?)" >&2; exit 1; }

# Which country an address is in, from what the registries publish (CC0): 8 MB, of which nothing is kept in the repository.
GEO_DATABASE := @ip-location-db/geo-whois-asn-country-mmdb

geo-database: $(BIN)/geo/country.mmdb ## install the free database of countries for the algorithm geographic

$(BIN)/geo/country.mmdb:
	@mkdir -p $(@D); npm pack --silent --pack-destination $(@D) $(GEO_DATABASE) >/dev/null && \
	tar -xzOf $(@D)/ip-location-db-geo-whois-asn-country-mmdb-*.tgz package/geo-whois-asn-country.mmdb >$@.new && mv $@.new $@ && rm $(@D)/*.tgz || \
	{ echo "make: $(GEO_DATABASE) could not be installed (see above; is there npm, and a network?)" >&2; exit 1; }

build: $(BIN)/headroom $(BIN)/shop ## build bin/headroom and the sample service bin/shop

$(BIN)/headroom: $(SOURCES)
	$(GO) build -ldflags '$(LDFLAGS)' -o $@ ./cmd/headroom

$(BIN)/shop: $(SOURCES)
	$(GO) build -o $@ ./examples/shop

run: build ## the main job: balance, watch and scale the sample service through a surge
	@$(BIN)/headroom run -c $(QUICKSTART)

# Those through the real binary run one package at a time: they measure how soon something happens, on few cores. They are
# never taken from the cache, which does not know of what they build.
test: deps build lint test-allocations ## all tests, with the race detector
	$(GO) test $(TESTFLAGS) $$($(GO) list ./... | grep -v /test/)
	$(GO) test $(TESTFLAGS) -count=1 -p 1 ./test/...

# Without the race detector, under which sync.Pool forgets at random.
test-allocations: ## that the path of a request allocates nothing
	$(GO) test -run Allocat ./balancing/...

test-scaling: ## decisions, planning and the control loop
	$(GO) test $(TESTFLAGS) ./scaling/... ./orchestration/... ./control/... ./platform/...

test-balancing: build test-allocations ## the data plane, conformance and hostile clients included
	$(GO) test $(TESTFLAGS) ./balancing/...
	$(GO) test $(TESTFLAGS) -count=1 -p 1 ./test/balancing/...

test-monitoring: ## metrics, signals, alerts and objectives
	$(GO) test $(TESTFLAGS) ./monitoring/...

test-integration: build ## behavior through the real binary
	$(GO) test $(TESTFLAGS) -count=1 -p 1 ./test/...

# Modules of their own, since what they compare with needs hundreds of others: the first build takes a minute or two.
differential: ## the autoscalers of others, run beside ours: docs/compatibility.md
	@for module in test/differential/*/go.mod; do (cd $$(dirname $$module) && $(GO) test -count=1 -v ./...) || exit 1; done

lint: ## gofmt, vet, staticcheck, tidy go.mod
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not gofmt'ed: $$unformatted" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff

bench: build ## what docs/performance.md says: footprint, start, cost per request beside peers
	@$(GO) run ./test/bench -headroom $(BIN)/headroom -shop $(BIN)/shop

bench-scaling: ## how many services one core scales each second, beside what others say; BENCH='-services 1000 -for 10s'
	@$(GO) build -o $(BIN)/bench-scaling ./test/bench/scaling
	@$(BIN)/bench-scaling -json $(BIN)/bench-scaling.json $(BENCH)

bench-balancer: $(BIN)/headroom ## headroom beside HAProxy, nginx, Caddy and ReverseProxy; BENCH='-only small,tls-full -rounds 1' for a part
	@$(GO) build -o $(BIN)/bench-balancer ./test/bench/balancer
	@$(BIN)/bench-balancer -headroom $(BIN)/headroom -json $(BIN)/bench-balancer.json -svg $(BIN)/bench-balancer.svg $(BENCH)

bench-chaos: build ## a million requests while backends are killed, stopped, slowed, reset and exchanged; CHAOS_REQUESTS=10000 for fewer
	CHAOS_REQUESTS=$${CHAOS_REQUESTS:-1000000} $(GO) test -count=1 -timeout 0 -run SurviveChaos -v ./test/balancing

bench-backtest: ## how near backtests are to what happened: decisions and latencies of surges; ROUNDS=4
	HEADROOM_TRUTH=$${ROUNDS:-4} $(GO) test -count=1 -timeout 0 -run TestTruth -v ./test/scaling

bench-algorithms: $(BIN)/headroom ## the algorithms, simulated and beside HAProxy and nginx; BENCH='-only simulated' for a part
	@$(GO) build -o $(BIN)/bench-algorithms ./test/bench/algorithms
	@$(BIN)/bench-algorithms -headroom $(BIN)/headroom -svg $(BIN)/bench-algorithms.svg $(BENCH)

soak: build ## an hour of surges, crashes, restarts and matched responses; HEADROOM_SOAK=10m for another length
	HEADROOM_SOAK=$${HEADROOM_SOAK:-1h} $(GO) test -count=1 -timeout 0 -run TestSoak -v ./test/soak

clean: ## remove what was built, and what the examples left behind
	rm -rf $(BIN) examples/*/.headroom examples/*/*.pem examples/*/*.key examples/*/*.log*
