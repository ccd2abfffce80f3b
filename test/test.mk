# SPDX-License-Identifier: Apache-2.0
#
# How the tests are built and run; included by the Makefile. `make check` runs
# all of them, check-SUITE one suite. ONLY=text runs those whose name has it.
# `make stress` is the long form of check-stress, some STRESS_S seconds long;
# `make soak` runs one of its tests for SOAK_S.

export FUZZ_S ?= 10
SUITES = unit fuzz model hook e2e symbols truth stress real compat bench asan
STRESS_S ?= 600
SOAK_S ?= 3600
ONLY ?=
RUN_TESTS = CPROF_BUILD=$(B) scripts/list-tests $(1) | \
	scripts/run-tests --build $(B) $(if $(ONLY),--only $(ONLY))

# Unit tests link the modules of all three programs, without the hooks (which
# would replace the test's own malloc).
UNIT_BIN = $(patsubst %.c,$(B)/%,$(wildcard test/unit/*_test.c))
FUZZ_BIN = $(patsubst %.c,$(B)/%,$(wildcard test/fuzz/*_fuzz.c))
UNIT_SHIM_OBJ = $(filter-out $(B)/shim/preload/hook_%.o,$(SHIM_OBJ))
UNIT_LIBS = $(B)/libcollector.a $(B)/libctl.a $(B)/libshim.a
UNIT_LDLIBS = $(COLLECTOR_LIBS) $(CTL_LIBS) -lcmocka

$(B)/libctl.a: $(CTL_OBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/libshim.a: $(UNIT_SHIM_OBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(UNIT_BIN): $(B)/%: $(B)/obj/%.o $(UNIT_LIBS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(COLLECTOR_LDFLAGS) -o $@ $^ $(UNIT_LDLIBS)

# Asks the symboliser directly.
ASK_BIN = $(B)/test/symbols/ask
$(ASK_BIN): $(B)/%: $(B)/obj/%.o $(B)/libcollector.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(COLLECTOR_LDFLAGS) -o $@ $^ $(COLLECTOR_LIBS)

# Explorations of the real code, some modules of which are compiled so that
# they stop at each access to shared memory (test/model/step.h).
STEPS_BIN = $(patsubst %.c,$(B)/%,$(wildcard test/model/*_steps.c))
$(B)/steps/%.o: %.c | $(PB:=.h)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(COLLECTOR_CFLAGS) -mcx16 \
		-include test/model/atomics.h -c -o $@ $<
$(B)/test/model/ring_steps: $(addprefix $(B)/steps/,preload/ring.o \
	preload/sent.o collector/ringread.o)
$(B)/test/model/live_steps: $(addprefix $(B)/steps/,preload/ring.o \
	preload/live.o collector/ringread.o collector/drain.o)
$(B)/test/model/contention_steps: $(B)/steps/preload/contention.o

$(STEPS_BIN): $(B)/%: $(B)/obj/%.o $(B)/obj/test/model/step.o $(UNIT_LIBS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(COLLECTOR_LDFLAGS) -o $@ \
		$(filter %.o,$^) $(filter %.a,$^) $(UNIT_LDLIBS)

# The fuzz targets are clang's, with its libFuzzer and sanitizers, in a folder
# of their own; so are the small programs that they take apart.
FUZZ_CC = clang-14
FUZZ_SAMPLES = $(addprefix $(B)/test/fuzz/sample/,dwarf5.so dwarf4.so \
	compressed.so stripped.so cfi.so)
SAMPLE_FLAGS = -O2 -fPIC -shared -nostdlib -Wl,-z,noseparate-code \
	-Wl,--build-id -fasynchronous-unwind-tables
SAMPLE_FLAGS_dwarf5 = -gdwarf-5
SAMPLE_FLAGS_dwarf4 = -gdwarf-4
SAMPLE_FLAGS_compressed = -gdwarf-5 -gz=zlib
SAMPLE_FLAGS_stripped = -s

$(FUZZ_BIN): $(B)/%: $(B)/obj/%.o $(UNIT_LIBS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(COLLECTOR_LDFLAGS) -fsanitize=fuzzer \
		-o $@ $^ $(UNIT_LDLIBS)

$(B)/test/fuzz/sample/%.so: test/fuzz/sample/code.c
	$(Q)mkdir -p $(@D) && gcc $(SAMPLE_FLAGS) $(SAMPLE_FLAGS_$*) -o $@ $<

$(B)/test/fuzz/sample/cfi.so: test/fuzz/sample/cfi.S
	$(Q)mkdir -p $(@D) && gcc $(SAMPLE_FLAGS) -o $@ $<

.PHONY: fuzzers fuzz fuzz-programs
fuzzers:
	$(Q)$(MAKE) CC=$(FUZZ_CC) SANITIZE=address,undefined,fuzzer-no-link \
		B=$(B)-fuzz fuzz-programs
fuzz-programs: $(FUZZ_BIN) $(FUZZ_SAMPLES)

# make fuzz FUZZ_S=3600: for hours; what is found stays in $(B)-fuzz/found.
fuzz: check-fuzz
check-fuzz: fuzzers

# Programs run under the shim: plain builds, as anybody would make them, but
# with -fno-builtin, so that gcc does not drop their malloc/free pairs.
HOST_CFLAGS = -std=gnu11 -O2 -g $(WARNINGS) -D_GNU_SOURCE -fno-builtin \
	-pthread -I. -MMD -MP
HOST_CXXFLAGS = -std=gnu++17 -O2 -g -Wall -Wextra -fno-builtin -pthread -MMD -MP
BENCH_BIN = $(patsubst %.c,$(B)/%,$(filter-out %/empty.c,\
	$(wildcard test/bench/*.c))) \
	$(patsubst %.cc,$(B)/%,$(wildcard test/bench/*.cc))
BENCH_SO = $(B)/test/bench/empty.so
HOST_BIN = $(patsubst %.c,$(B)/%,$(wildcard test/hook/*.c test/truth/*.c \
	test/stress/*.c \
	test/real/*.c)) $(BENCH_BIN) \
	$(patsubst %.cc,$(B)/%,$(wildcard test/hook/*.cc test/real/*.cc))
NAIVE_SO = $(patsubst test/hook/naive/%.c,$(B)/test/hook/naive/%.so,\
	$(wildcard test/hook/naive/*.c))
PLUGIN_SO = $(patsubst %.c,$(B)/%.so,$(wildcard test/hook/plugin/*.c)) \
	$(patsubst %.cc,$(B)/%.so,$(wildcard test/hook/plugin/*.cc))

$(B)/test/%: test/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(HOST_CFLAGS) -o $@ $< -ldl -lm

$(B)/test/%: test/%.cc
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D) && $(CXX) $(HOST_CXXFLAGS) -o $@ $<

$(B)/test/hook/plugin/%.so: test/hook/plugin/%.c
	$(Q)mkdir -p $(@D) && $(CC) $(HOST_CFLAGS) -O1 -fPIC -shared -o $@ $<

$(B)/test/hook/plugin/%.so: test/hook/plugin/%.cc
	$(Q)mkdir -p $(@D) && $(CXX) $(HOST_CXXFLAGS) -O1 -fPIC -shared -o $@ $<

# A naive shim may need a library of its own: "link: -lfoo" in its comment.
$(B)/test/hook/naive/%.so: test/hook/naive/%.c test/hook/naive/naive.h
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(HOST_CFLAGS) -fPIC -shared \
		-Wl,--no-as-needed -o $@ $< \
		$$(sed -n 's,^// link: ,,p' $<) -ldl

include test/hook/extra.mk test/bench/bench.mk

.PHONY: tests hosts sanitized stress soak $(SUITES:%=check-%)

# The fuzz targets are compiled here too: what they use changes.
tests: all $(UNIT_BIN) $(ASK_BIN) $(STEPS_BIN) $(FUZZ_BIN:$(B)/%=$(B)/obj/%.o) hosts
hosts: $(HOST_BIN) $(BENCH_SO) $(NAIVE_SO) $(PLUGIN_SO) $(EXTRA_BIN)

# The collector and the unit tests with AddressSanitizer and UBSan, and the
# collector with ThreadSanitizer; the shim itself is never sanitized.
sanitized:
	$(Q)$(MAKE) SANITIZE=address,undefined B=$(B)-asan sanitized-programs
	$(Q)$(MAKE) SANITIZE=thread B=$(B)-tsan $(B)-tsan/cprofd

.PHONY: sanitized-programs
sanitized-programs: $(B)/cprofd $(B)/cprofctl $(UNIT_BIN)

# In a make of its own, since installing changes what pkg-config answers.
check:
	$(Q)scripts/install-deps build test
	$(Q)$(MAKE) tests sanitized fuzzers
	$(Q)$(call RUN_TESTS,$(SUITES))

check-asan: sanitized
# Needs what test/web/install gets; not part of check.
.PHONY: check-web
check-web: all $(B)/test/truth/serving
	$(Q)$(call RUN_TESTS,web)

$(SUITES:%=check-%): tests
	$(Q)$(call RUN_TESTS,$(@:check-%=%))

# Every real program of test/compat, at hostile settings too: some hours.
.PHONY: compat
compat:
	$(Q)scripts/install-deps build compat
	$(Q)$(MAKE) tests
	$(Q)$(call RUN_TESTS,compat-all)

.PHONY: check-deb
check-deb:
	$(Q)scripts/install-deps build deb
	$(Q)$(call RUN_TESTS,deb)

# arm64: all of it is built by a cross compiler, in a folder of its own, with
# Debian's arm64 libraries, and run by qemu.
ARM64 = $(B)-arm64
ARM64_ROOT = $(abspath $(ARM64))/root
# Not gcc: its cross compilers and gcc-multilib, which other tests need, exclude
# each other in Debian.
ARM64_CC = clang-14 --target=aarch64-linux-gnu --sysroot=$(ARM64_ROOT)
ARM64_PC = $(ARM64_ROOT)/usr/lib/aarch64-linux-gnu/pkgconfig
ARM64_WORK = $(addprefix $(ARM64)/test/arm64/,work work_signed)
# Those of modules that differ there, or share memory.
ARM64_UNIT = $(addprefix $(ARM64)/test/unit/,contention_test \
	labels_test rate_test region_test ringread_test setting_test)

.PHONY: check-arm64 arm64 arm64-root arm64-programs
check-arm64: arm64-root
	$(Q)$(MAKE) arm64
	$(Q)$(call RUN_TESTS,arm64)

arm64-root:
	$(Q)scripts/install-deps build arm64
	$(Q)scripts/arm64-root $(ARM64)/root

arm64:
	$(Q)PKG_CONFIG_LIBDIR=$(ARM64_PC):$(ARM64_ROOT)/usr/share/pkgconfig \
		PKG_CONFIG_SYSROOT_DIR=$(ARM64_ROOT) $(MAKE) B=$(ARM64) \
		CC='$(ARM64_CC)' AR=aarch64-linux-gnu-ar SANITIZE= \
		all $(ARM64_UNIT) $(ARM64_WORK)

$(B)/test/arm64/work_signed: test/arm64/work.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(HOST_CFLAGS) -fno-omit-frame-pointer \
		-mbranch-protection=standard -o $@ $<

# Careless versions of cprof, each of which a test must find: ten minutes.
.PHONY: check-mutants
check-mutants: tests
	$(Q)$(call RUN_TESTS,mutants)

.PHONY: check-long
check-long:
	$(Q)scripts/install-deps build long
	$(Q)$(MAKE) tests
	$(Q)$(call RUN_TESTS,long)

stress: tests
	$(Q)export STRESS_S=$(STRESS_S); $(call RUN_TESTS,stress)

soak: tests
	$(Q)export SOAK_S=$(SOAK_S); $(call RUN_TESTS,stress/soak_test)

-include $(wildcard $(B)/steps/*/*.d $(B)/test/*/*.d $(B)/test/*/*/*.d $(B)/obj/test/*/*.d)
