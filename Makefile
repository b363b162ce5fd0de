# `make` lists what there is. Everything a fresh Debian or Ubuntu machine needs besides a Swift 6.3
# toolchain is installed on the way: when root, or after a yes; otherwise the command is printed.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test bench lint install clean ready pictures

PREFIX ?= /usr/local
# One configuration for everything but `install`: the one that is built already, else debug.
BUILT := $(firstword $(wildcard .build/debug/countersign) $(wildcard .build/release/countersign))
CONFIGURATION := $(if $(findstring release,$(BUILT)),release,debug)

help:
	@echo 'make demo      All of Countersign on this machine, without an account.'
	@echo '               First build: about 5 minutes on two cores. Then a second to start;'
	@echo '               you decide in the console until q. Without a terminal a scripted'
	@echo '               operator decides, some seconds.'
	@echo 'make test      Build and run every test: Swift tests, real terminals, and the official'
	@echo '               MCP SDKs and pybit as peers. About 40 minutes from nothing.'
	@echo 'make bench     Measure the budgets of docs/performance.md, each beside a peer in the same'
	@echo '               run. About 12 minutes after a release build of 10. ROWS=policy,console'
	@echo '               measures some of them, JSON=FILE says where every figure goes.'
	@echo 'make pictures  Run the demo in tmux and write docs/pictures anew. About a minute.'
	@echo 'make lint      Check the style of the Swift code. About 15 seconds.'
	@echo 'make install   Build for release and install program, manual pages and completions'
	@echo '               under PREFIX (now $(PREFIX)). About 10 minutes from nothing.'
	@echo 'make clean     Remove everything that was built. A second.'

ready:
	@.ci/toolchain

demo: ready
	@.ci/packages build
	@.ci/step 'building ($(CONFIGURATION)); the first time takes about 5 minutes, later seconds' \
	  swift build -c $(CONFIGURATION) --product countersign
	@echo '==> the demo; q leaves the console'
	@.build/$(CONFIGURATION)/countersign demo

test: export COUNTERSIGN_MCP1_PYTHON := $(CURDIR)/.venv/mcp1/bin/python
test: export COUNTERSIGN_MCP2_PYTHON := $(CURDIR)/.venv/mcp2/bin/python
test: export COUNTERSIGN_PROGRAM := $(CURDIR)/.build/debug/countersign
test: ready
	@.ci/packages test
	@.ci/step 'Python environments for the peers; about a minute the first time' \
	  bash -c '.ci/environment e2e Tests/EndToEnd/requirements.txt && \
	    .ci/environment mcp1 Tests/Peers/requirements-mcp1.txt && \
	    .ci/environment mcp2 Tests/Peers/requirements-mcp2.txt'
	@.ci/step 'building program and tests (debug); about 5 minutes the first time' \
	  swift build --build-tests
	@.ci/step 'Swift tests, one after the other so that their deadlines mean something; about 6 minutes' \
	  swift test --skip-build --no-parallel --skip SimulationTests
	@.ci/step 'ten thousand simulated histories; about 6 minutes' \
	  swift test --skip-build --filter SimulationTests
	@.ci/step 'end-to-end tests with real terminals and peers; about 15 minutes' \
	  .venv/e2e/bin/python -m pytest -n 2 Tests/EndToEnd -q -ra -p no:cacheprovider
	@echo '==> all tests passed'

ROWS ?=
JSON ?= .build/bench.json
bench: ready
	@.ci/packages bench
	@.ci/step 'Python environments for harness and peers; about a minute the first time' \
	  bash -c '.ci/environment e2e Tests/EndToEnd/requirements.txt && \
	    .ci/environment bench Tests/Bench/requirements.txt && \
	    .ci/environment mitmproxy Tests/Bench/requirements-mitmproxy.txt'
	@.ci/step 'building for release; the first time takes about 10 minutes' \
	  bash -c 'swift build -c release --static-swift-stdlib --product countersign && \
	    swift build -c release --static-swift-stdlib --product bench'
	@.venv/e2e/bin/python Tests/Bench/bench.py --rows '$(ROWS)' --json '$(JSON)'

pictures: ready
	@.ci/packages test
	@.ci/step 'building ($(CONFIGURATION))' swift build -c $(CONFIGURATION) --product countersign
	@.ci/step 'pictures of the console' \
	  .ci/pictures .build/$(CONFIGURATION)/countersign docs/pictures

lint: ready
	@.ci/step 'style of the Swift code' \
	  swift format lint --strict --parallel --recursive Sources Tests Package.swift

install: ready
	@.ci/packages build
	@.ci/step 'building for release; the first time takes about 10 minutes' \
	  swift build -c release --product countersign --static-swift-stdlib
	@.ci/install .build/release/countersign '$(DESTDIR)$(PREFIX)' '$(PREFIX)'

clean:
	@rm -rf .build .venv
	@find Tests -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo 'removed .build, .venv and the tests'\'' Python caches'
