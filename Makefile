# plm: what can be done here. `make help` lists it.

SHELL := /bin/sh
PREFIX ?= /usr/local
SWIFT ?= swift
RELEASE := .build/release
STAGES := ingest profile synthesize filter tokenize train quantize package evaluate vocabulary \
  initialize clean pose

# As many tests at once as there are threads for them. A test that computes keeps its thread to
# itself, so that with more (swift-testing's own choice) one that waits for a child process may be
# kept from a thread for minutes, and its time limit speaks of its neighbours.
TEST_WIDTH ?= $(shell getconf _NPROCESSORS_ONLN)
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH = $(TEST_WIDTH)

.DEFAULT_GOAL := help
.PHONY: help build demo test stress bench install format lint clean toolchain libraries

help: ## Lists what can be made.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: toolchain libraries ## Builds plm and all stages, optimised, in .build/release.
	$(SWIFT) build -c release

demo: build ## Personalises the three sample users and prints what came of it.
	@status=0; \
	  $(RELEASE)/plm build --users Pipelines/users --store Artifacts || status=$$?; \
	  $(RELEASE)/plm results --users Pipelines/users --store Artifacts --export Artifacts/bundles \
	    || exit $$?; \
	  exit $$status

test: toolchain libraries ## Builds and runs the tests, in debug mode.
	@log=$$(mktemp) && status=0; \
	  { $(SWIFT) test 2>&1; echo $$? > "$$log.status"; } | tee "$$log"; \
	  status=$$(cat "$$log.status"); \
	  echo; echo "The run in short:"; \
	  grep -E '✘|error:' "$$log" | tail -n 40; \
	  grep -E 'Test run with|Executed [0-9]+ test' "$$log" | tail -n 1; \
	  rm -f "$$log" "$$log.status"; exit $$status

stress: toolchain libraries ## Runs all tests and the long ones too.
	PLM_STRESS=1 $(SWIFT) test

# The peers run in the Python that PYTHON names: torch, transformers, peft, numpy, safetensors.
PYTHON ?= python3
bench: build ## Measures training beside PyTorch and PEFT (PYTHON=…), into Tests/Benchmarks.md.
	@$(PYTHON) -c 'import torch, transformers, peft, numpy' 2>/dev/null || { \
	  echo "make bench needs a Python with torch, transformers, peft and numpy: say which with" >&2; \
	  echo "  make bench PYTHON=path/to/python" >&2; exit 1; }
	$(PYTHON) Tests/Peers/bench.py --write Tests/Benchmarks.md

install: build ## Installs below PREFIX (/usr/local unless told otherwise).
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/libexec/plm" \
	  "$(DESTDIR)$(PREFIX)/share/plm"
	install -m 755 $(RELEASE)/plm "$(DESTDIR)$(PREFIX)/bin/plm"
	for stage in $(STAGES); do \
	  install -m 755 $(RELEASE)/$$stage "$(DESTDIR)$(PREFIX)/libexec/plm/$$stage" || exit 1; \
	done
	rm -rf "$(DESTDIR)$(PREFIX)/share/plm/Pipelines"
	cp -R Pipelines "$(DESTDIR)$(PREFIX)/share/plm/Pipelines"
	@echo "installed: $(DESTDIR)$(PREFIX)/bin/plm"

format: toolchain ## Formats all Swift files in place.
	$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests

lint: toolchain ## Says what the formatter would complain of.
	$(SWIFT) format lint --parallel --recursive Package.swift Sources Tests

clean: ## Removes what was compiled; the store stays.
	rm -rf .build

# What the build needs. Both say what is missing and what to do about it.

toolchain:
	@if ! command -v $(SWIFT) >/dev/null 2>&1; then \
	  echo "plm needs Swift 6.2 or newer, and there is no '$(SWIFT)' on the PATH." >&2; \
	  echo "Get it from https://www.swift.org/install (a download or swiftly), then try again." >&2; \
	  exit 1; \
	fi; \
	version=$$($(SWIFT) --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' \
	  | head -n 1); \
	major=$${version%%.*}; rest=$${version#*.}; minor=$${rest%%.*}; \
	if [ -z "$$version" ]; then \
	  echo "'$(SWIFT) --version' does not name a version: plm needs Swift 6.2 or newer" >&2; \
	  echo "(https://www.swift.org/install)." >&2; \
	  exit 1; \
	fi; \
	if [ "$$major" -lt 6 ] || { [ "$$major" -eq 6 ] && [ "$${minor:-0}" -lt 2 ]; }; then \
	  echo "plm needs Swift 6.2 or newer; this is Swift $$version ($$(command -v $(SWIFT)))." >&2; \
	  echo "Get a newer one from https://www.swift.org/install, then try again." >&2; \
	  exit 1; \
	fi

# SQLite and zlib, with their headers. macOS has both in its SDK.
libraries:
	@[ "$$(uname)" = Darwin ] && exit 0; \
	swift=$$(command -v $(SWIFT)); beside=$$(dirname "$$(readlink -f "$$swift")"); \
	cc=$$(command -v clang || command -v "$$beside/clang" || command -v cc || command -v gcc); \
	has() { [ -n "$$cc" ] && printf '#include <%s>\n' "$$1" | "$$cc" -E -x c - >/dev/null 2>&1; }; \
	missing=; \
	has sqlite3.h || missing="$$missing libsqlite3-dev"; \
	has zlib.h || missing="$$missing zlib1g-dev"; \
	[ -z "$$missing" ] && exit 0; \
	if ! command -v apt-get >/dev/null 2>&1; then \
	  echo "plm needs the headers of SQLite and zlib; missing (by Debian's names):$$missing." >&2; \
	  echo "Install them with this system's package manager, then try again." >&2; \
	  exit 1; \
	fi; \
	if [ "$$(id -u)" -eq 0 ]; then root=; \
	elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then root="sudo -n"; \
	else \
	  echo "plm needs two system libraries; missing:$$missing. Install with" >&2; \
	  echo "  sudo apt-get install$$missing" >&2; \
	  echo "then try again." >&2; \
	  exit 1; \
	fi; \
	echo "installing the system libraries plm needs:$$missing"; \
	install() { $$root env DEBIAN_FRONTEND=noninteractive \
	  apt-get install -y -q --no-install-recommends $$missing; }; \
	install || { $$root apt-get update -q && install; } || { \
	  echo "that did not work; try: apt-get update && apt-get install$$missing" >&2; exit 1; }
