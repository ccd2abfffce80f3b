# SPDX-License-Identifier: Apache-2.0
#
# Victims that one compiler call does not make: many copies of a library, and
# one program in every flavour that a shim may be preloaded into.

HOOK = $(B)/test/hook
TLS_LIBS = $(foreach n,$(shell seq 0 59),$(HOOK)/tls/libtls$(n).so)
STALE_LIBS = $(foreach n,0 1 2 3 4 5,$(HOOK)/stale/stale$(n).so)
HELLO = $(addprefix $(HOOK)/hello_,static static_pie musl i386 asan tsan)
NEW_DELETE = $(addprefix $(HOOK)/new_delete_,jemalloc tcmalloc mimalloc)
SANITIZED = $(addprefix $(HOOK)/sanitized_,asan tsan)
EXTRA_BIN = $(TLS_LIBS) $(STALE_LIBS) $(HELLO) $(NEW_DELETE) $(SANITIZED) \
	$(HOOK)/life_musl $(HOOK)/life_i386 $(HOOK)/naive/banner_i386.so

$(TLS_LIBS): $(HOOK)/tls/%.so: $(HOOK)/plugin/tls.so
	$(Q)mkdir -p $(@D) && cp $< $@

$(STALE_LIBS): $(HOOK)/stale/stale%.so: test/hook/plugin/stale.c
	$(Q)mkdir -p $(@D) && $(CC) $(HOST_CFLAGS) -O1 -DN=$* -fPIC -shared \
		-o $@ $<

# Debian's gcc-multilib would say where the kernel's asm/ headers are, but it and
# the cross compilers exclude each other.
I386 = -m32 -idirafter /usr/include/x86_64-linux-gnu

$(HOOK)/hello_static: FLAVOUR = $(CC) -static
$(HOOK)/hello_static_pie: FLAVOUR = $(CC) -static-pie
$(HOOK)/hello_musl: FLAVOUR = musl-gcc
$(HOOK)/hello_i386: FLAVOUR = $(CC) $(I386)
$(HOOK)/hello_asan: FLAVOUR = $(CC) -fsanitize=address
$(HOOK)/hello_tsan: FLAVOUR = $(CC) -fsanitize=thread
$(HELLO): test/hook/hello.c
	$(Q)mkdir -p $(@D) && $(FLAVOUR) -O1 -fno-builtin -o $@ $<

$(HOOK)/sanitized_asan: FLAVOUR = -fsanitize=address
$(HOOK)/sanitized_tsan: FLAVOUR = -fsanitize=thread
$(SANITIZED): test/hook/sanitized.c
	$(Q)mkdir -p $(@D) && $(CC) $(HOST_CFLAGS) -O1 $(FLAVOUR) -o $@ $<

$(HOOK)/life_musl: test/hook/life.c
	$(Q)mkdir -p $(@D) && musl-gcc -D_GNU_SOURCE -O1 -fno-builtin -o $@ $<

# What a stub for 32-bit programs might do.
$(HOOK)/naive/banner_i386.so: test/hook/naive/banner.c
	$(Q)mkdir -p $(@D) && $(CC) $(I386) -D_GNU_SOURCE -I. -fPIC -shared \
		-o $@ $<

$(HOOK)/life_i386: test/hook/life.c
	$(Q)mkdir -p $(@D) && $(CC) $(I386) -D_GNU_SOURCE -O1 -fno-builtin \
		-pthread -o $@ $<

$(HOOK)/early: test/hook/early.c $(HOOK)/plugin/early.so
	$(Q)$(CC) $(HOST_CFLAGS) -o $@ $< -L$(HOOK)/plugin -l:early.so \
		-Wl,-rpath,'$$ORIGIN/plugin'

$(HOOK)/operators: test/hook/operators.c $(HOOK)/plugin/own_operators.so
	$(Q)$(CC) $(HOST_CFLAGS) -o $@ $< -L$(HOOK)/plugin \
		-l:own_operators.so -Wl,-rpath,'$$ORIGIN/plugin'

$(HOOK)/cxx_locks: HOST_CXXFLAGS += -std=gnu++20

$(HOOK)/new_delete_jemalloc: LINK = -ljemalloc
$(HOOK)/new_delete_tcmalloc: LINK = -ltcmalloc_minimal
$(HOOK)/new_delete_mimalloc: LINK = -lmimalloc
$(NEW_DELETE): test/hook/new_delete.cc
	$(Q)mkdir -p $(@D) && $(CXX) $(HOST_CXXFLAGS) -O0 -o $@ $< $(LINK)
