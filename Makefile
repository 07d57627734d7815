# The front door. Meson does the work; every target first installs what it misses (tools/deps.sh).
#
#   make            build/src/selvage              make test     everything quick, then sanitizers and GC stress
#   make run        selvage dev on examples/hono-api   make lint     layers, headers, symbols, format, clang-tidy
#   make bench      ratios to peers in the same run    make fuzz     every fuzz target for FUZZ_SECONDS each
#   make install    PREFIX=/usr/local                  make deb      a Debian package in build-deb/
#   make clean

BUILD ?= build
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 30
SELVAGE = $(BUILD)/src/selvage

.PHONY: all run test bench lint fuzz install deb clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) $(if $(VERBOSE),-v,--quiet)

$(BUILD)/build.ninja: meson.build meson_options.txt
	@tools/deps.sh build
	@[ -f $@ ] || { echo "selvage: configuring $(BUILD)"; meson setup $(BUILD) --prefix=$(abspath $(PREFIX)) >/dev/null; }
	@touch $@

node_modules: package-lock.json
	@tools/deps.sh build

run: all
	@tools/deps.sh build
	@cd examples/hono-api && exec $(abspath $(SELVAGE)) dev $(ARGS)

test: all
	@tools/deps.sh build
	@tools/deps.sh test
	@tools/run_tests.py --build $(BUILD) $(ARGS)

bench: all
	@tools/deps.sh build
	@tools/deps.sh bench
	@ninja -C $(BUILD) --quiet bench/isolate_start
	@node bench/run.mjs --selvage $(abspath $(SELVAGE)) $(ARGS)
	@test -n "$(ARGS)" || node bench/dynamo.mjs --selvage $(abspath $(SELVAGE))
	@test -n "$(ARGS)" || node bench/serve.mjs --selvage $(abspath $(SELVAGE))

lint: all
	@tools/deps.sh lint
	@tools/lint.sh $(BUILD)

fuzz:
	@tools/deps.sh build
	@tools/deps.sh fuzz
	@tools/fuzz.sh $(FUZZ_SECONDS) $(ARGS)

install: all
	@tools/deps.sh build
	@meson configure $(BUILD) --prefix=$(abspath $(PREFIX)) >/dev/null
	@meson install -C $(BUILD) --quiet
	@echo "selvage: installed $(abspath $(PREFIX))/bin/selvage"

deb:
	@tools/deps.sh build
	@tools/deps.sh deb
	@tools/deb.sh

clean:
	rm -rf build build-asan build-clang build-deb build-fuzz
