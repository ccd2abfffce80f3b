# SPDX-License-Identifier: Apache-2.0
#
# What the benchmark needs beside the programs of test/test.mk.

.PHONY: bench-programs
bench-programs: all $(BENCH_BIN) $(BENCH_SO)

# As libcprof.so is built, so that the difference is cprof's.
$(B)/test/bench/empty.so: test/bench/empty.c preload/real.def
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(SHIM_CFLAGS) -fno-builtin -shared \
		-Wl,-z,now -o $@ $<
