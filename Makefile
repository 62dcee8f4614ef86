# The parts of the gate, and what it leaves out. `.ci/run` is the whole gate: CI and people run the same script.

GOLANGCI_LINT ?= golangci-lint
FUZZTIME ?= 1m
SOAK ?= 10m
export GOFLAGS ?= -trimpath

.PHONY: gate test race lint fuzz soak bench cover vulns

gate: ## everything that a change must pass
	.ci/run

test: ## the tests
	go test ./...

race: ## the tests with the race detector, in random order
	go test -race -shuffle=on -short ./...

lint: ## staticcheck and golangci-lint v2
	go tool -modfile=tools/go.mod staticcheck ./...
	$(GOLANGCI_LINT) run ./...

fuzz: ## each fuzz target for FUZZTIME
	.ci/fuzz $(FUZZTIME)

soak: ## all operations with faults and cancellations for SOAK
	MISTRALOBS_SOAK=$(SOAK) go test -run '^TestSoak$$' -timeout 0 -v ./internal/e2e

bench: ## the table of BENCHMARKS.md
	go run ./internal/bench/table

cover: ## the coverage of all packages by all tests
	.ci/cover

vulns: ## known vulnerabilities in the code that is called
	go tool -modfile=tools/go.mod govulncheck ./...
