# SPDX-License-Identifier: GPL-2.0-or-later

# The commands of the project. Each installs what is missing, or says what to install.
#
# YATE_ROOT=DIR names a real Yate, an installed prefix or a built source tree. Without it the Yate is
# used whose yate-config is on the PATH, if any.

ifndef YATE_ROOT
YATE_ROOT := $(shell dirname "$$(command -v yate-config)" 2>/dev/null | sed 's:/bin$$::; s:^\.$$::')
endif
export YATE_ROOT
# The build decides where cargo's output is.
unexport CARGO_TARGET_DIR CARGO_BUILD_TARGET

.PHONY: all build yate install uninstall package package-monitor check-config demo test quick cluster check lint bench load simulate counts soak fuzz sanitize faults deny header format clean

all: build

# For the mock engine.
build:
	@scripts/build mock

# For the real one.
yate:
	@scripts/build yate -DYATE_ROOT="$(YATE_ROOT)"

# Builds nothing, so root can run it after a build by another user.
install:
	@test -e build/yate/clustering.yate || { echo "Nothing is built yet: make yate"; false; }
	@cmake --install build/yate

# Puts the stock module back.
uninstall:
	@cmake -DBUILD=build/yate -P cmake/Uninstall.cmake

# Checks FILE, a clustering.conf, by the program that the build has made. ARGS are its options.
check-config:
	@test -n "$(FILE)" || { echo "Which file? make check-config FILE=/etc/yate/clustering.conf"; false; }
	@test -x target/release/yate-clustering-check || { echo "Nothing is built yet: make yate"; false; }
	@target/release/yate-clustering-check $(ARGS) "$(FILE)"

# A Debian package, in build/yate. DEBFULLNAME and DEBEMAIL say who makes it.
package:
	@scripts/setup package
	@scripts/build yate -DYATE_ROOT="$(YATE_ROOT)"
	@scripts/package

# The same for the monitor, in build/monitor. It needs no Yate.
package-monitor:
	@scripts/package-monitor

# A cluster of three nodes. CASES=FILE runs the messages of a file instead, PAGE=yes shows the cluster in a browser; PAGE
# may be an address and a port, too.
demo: build
	$(if $(PAGE),env -u YATE_ROOT cargo build --quiet --locked --package yate-clustering-monitor)
	env -u YATE_ROOT cargo run --quiet --locked --package clustering-demo -- $(if $(CASES),--cases "$(CASES)") \
		$(if $(PAGE),--page "$(if $(findstring :,$(PAGE)),$(PAGE),127.0.0.1:9738)")

test:
	@scripts/setup lint
	scripts/test

# Format, clippy and the fast tests: about a minute, once everything is built.
quick:
	@scripts/setup lint
	scripts/quick

# Nodes of a real Yate, and phones. CLUSTERING_MODULE=FILE makes the nodes load another module.
cluster: yate
	@scripts/setup lint
	RUST_TEST_THREADS=8 scripts/real --test cluster

# All tests and checks, the cost of a message, and the tools below for a bounded time: what CI runs.
check:
	@scripts/setup lint
	scripts/check

lint: build
	@scripts/setup lint
	scripts/lint

# Ratios of one run; RELEASED=FILE adds the module of the last release, STOCK=FILE any other one.
bench: $(if $(YATE_ROOT),yate,build)
	cargo bench --locked --bench dispatch
	cargo bench --locked --bench growth

# Whole calls and registrations over SIP through real nodes, against two nodes without a clustering module; STOCK=FILE and
# RELEASED=FILE add other modules. About five minutes.
load: yate
	STOCK="$(STOCK)" RELEASED="$(RELEASED)" cargo bench --locked --bench load

# Clusters of many nodes without engines: cluster in a bad network, which redraws the picture, postgres on a real server, sqlite
# with several processes. WHAT names one of them. Some twenty minutes.
simulate:
	@scripts/setup lint
	@for what in $(or $(WHAT),cluster placement postgres sqlite); do \
		env -u YATE_ROOT cargo run --quiet --locked --release --example simulation -- $$what \
			$$([ $$what != cluster ] || echo docs/spread.svg) || exit 1; echo; done

# Instructions of the core for each kind of message, compared with benches/counts.txt; RENEW=yes writes that.
counts: build
	scripts/counts $(if $(RENEW),renew)

# Mixed traffic on two threads for SECONDS, each outcome compared with a model.
soak: $(if $(YATE_ROOT),yate,build)
	SOAK_SECONDS=$(or $(SECONDS),60) cargo test --locked --release --test soak -- --ignored --nocapture

# Each target, or TARGETS, for SECONDS; SECONDS=smoke is a short run over the seeds.
fuzz:
	scripts/fuzz $(or $(SECONDS),60) $(TARGETS)

# TOOL: asan, tsan or memcheck.
sanitize: build
	scripts/sanitize $(or $(TOOL),asan)

# Faults on purpose: at each entry of the core, and at each allocation.
faults: build
	scripts/faults

# Other people's libraries: licences, double versions, sources, advisories.
deny:
	@scripts/setup build
	scripts/deny

header:
	cargo build --locked
	cp "$$(ls -t target/debug/build/yate-clustering-*/out/clustering.h | head -n 1)" include/

format:
	cargo fmt --all
	clang-format -i $$(git ls-files '*.c' '*.cpp' '*.h' ':!include')

clean:
	rm -rf build target
