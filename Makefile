# SPDX-License-Identifier: Apache-2.0
#
# The one Makefile. Everything is built in $(B); CFLAGS, LDFLAGS, PREFIX and
# DESTDIR of the user win. V=1 shows commands. SANITIZE=address,undefined (or
# thread) builds the collector and the unit tests with it, into a folder of
# their own; the shim is never sanitized (it lives in other programs).
#
## make             build libcprof.so, cprofd and cprofctl into build/
## make demo        install what is missing, profile a real program, show it
## make check       install what is missing, build, run every test
## make check-SUITE unit fuzz model hook e2e symbols truth stress real
##                  compat bench asan; ONLY=text
## make fuzz        fuzz every parser for FUZZ_S=3600 seconds
## make compat      test suites and servers of others under the shim; ONLY=text
## make check-long  what takes a whole machine, or long: threads, addresses
## make stress      check-stress for long, STRESS_S=600; make soak, SOAK_S=3600
## make bench       what it costs, beside its peers; BENCH=quick: in 5 minutes
## make web         fetch speedscope from npm, for flame graphs in the browser
## make check-web pages in a browser, after test/web/install
## make lint        format, layers, headers, functions, shell, documents
## make install     into PREFIX (/usr/local), under DESTDIR; make uninstall
## make deb       a Debian package, in $(B)/deb; make check-deb tries it
## make check-arm64  for 64-bit ARM, by a cross compiler and qemu
## make clean       remove build/ and build-*/
## V=1 shows commands; SANITIZE=address,undefined or thread; CFLAGS, CC, B

V ?= 0
Q_0 = @
Q_1 =
Q = $(Q_$(V))
say = $(if $(filter 0,$(V)),@printf '  %-7s %s\n' '$(1)' '$(2)')

CC ?= gcc
PROTOC_C ?= protoc-c
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
DESTDIR ?=
SANITIZE ?=
comma := ,
B ?= build$(if $(SANITIZE),-$(firstword $(subst $(comma), ,$(SANITIZE))))

CFLAGS ?= -O2 -g
WARNINGS = -Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wformat=2
# Names of files don't tell where it was built: the same source, the same bytes.
ALL_CFLAGS = -std=gnu11 -I. -ffile-prefix-map=$(CURDIR)=. $(WARNINGS) $(WERROR) -fno-strict-aliasing \
	-D_GNU_SOURCE -MMD -MP $(CFLAGS)
# What differs between machines; as libunwind names them. The shim carries no
# helper of gcc's own.
ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
ARCH_CFLAGS_x86_64 = -fcf-protection -mcx16
ARCH_LDFLAGS_x86_64 = -Wl,-z,shstk
ARCH_CFLAGS_aarch64 = -mbranch-protection=standard -mno-outline-atomics
SHIM_MAPS = preload/libcprof.map $(wildcard preload/libcprof-$(ARCH).map)
SHIM_CFLAGS = $(ALL_CFLAGS) -fPIC -fvisibility=hidden \
	-ftls-model=initial-exec -fno-stack-protector \
	-fasynchronous-unwind-tables -fno-builtin-malloc $(ARCH_CFLAGS_$(ARCH))
SHIM_LDFLAGS = -shared -Wl,-z,now -Wl,-z,nodelete -Wl,-z,noexecstack \
	-Wl,-z,relro -Wl,-z,defs -Wl,-soname,libcprof.so \
	$(ARCH_LDFLAGS_$(ARCH)) $(SHIM_MAPS:%=-Wl,--version-script=%)
# Those of LATE_PACKAGES are loaded when they are used (collector/lib.h).
PACKAGES = libprotobuf-c zlib libdw libelf jansson libseccomp
LATE_PACKAGES = libmicrohttpd libcurl
COLLECTOR_CFLAGS = $(ALL_CFLAGS) -I$(B) -pthread \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer) \
	$(shell $(PKG_CONFIG) --cflags $(PACKAGES) $(LATE_PACKAGES) libpcre2-8 2>/dev/null)
COLLECTOR_LDFLAGS = $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS) -pthread
COLLECTOR_LIBS = $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null) \
	-lunwind-$(ARCH) -lunwind -liberty -lm
CTL_LIBS = $(shell $(PKG_CONFIG) --libs jansson libelf libprotobuf-c zlib \
	libpcre2-8 2>/dev/null) -liberty -lm

PROTO_SRC = $(wildcard proto/*.c)
SHIM_SRC = $(wildcard preload/*.c)
MAINS = collector/cprofd.c collector/cprofctl.c
CTL_SRC = $(wildcard collector/ctl_*.c collector/report*.c)
COLLECTOR_SRC = $(filter-out $(MAINS) $(CTL_SRC),$(wildcard collector/*.c))
PB = $(B)/proto/profile.pb-c $(B)/proto/cprof.pb-c $(B)/proto/perfetto.pb-c

SHIM_OBJ = $(SHIM_SRC:%.c=$(B)/shim/%.o) $(PROTO_SRC:%.c=$(B)/shim/%.o)
COLLECTOR_OBJ = $(COLLECTOR_SRC:%.c=$(B)/obj/%.o) \
	$(PROTO_SRC:%.c=$(B)/obj/%.o) $(PB:=.o)
# cprofctl shares these of the collector's modules.
CTL_SHARED_OBJ = $(B)/proto/profile.pb-c.o $(addprefix $(B)/obj/collector/,\
	paths.o out.o buf.o mem.o arena.o strtab.o hmap.o demangle.o \
	utf8.o tcp.o lib.o lib_curl.o)
CTL_OBJ = $(CTL_SRC:%.c=$(B)/obj/%.o) $(PROTO_SRC:%.c=$(B)/obj/%.o) \
	$(CTL_SHARED_OBJ)

.PHONY: all check lint bench demo help install uninstall clean deb
.DELETE_ON_ERROR:
# Generated files are kept: objects depend on them by their .d files.
.SECONDARY:
.DEFAULT_GOAL = all

all: $(B)/libcprof.so $(B)/cprofd $(B)/cprofctl

$(B)/libcprof.so: $(SHIM_OBJ) $(SHIM_MAPS) Makefile
	$(call say,LINK,$@)
	$(Q)$(CC) $(SHIM_LDFLAGS) $(LDFLAGS) -o $@ $(SHIM_OBJ)

$(B)/libcollector.a: $(COLLECTOR_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/cprofd: $(B)/obj/collector/cprofd.o $(B)/libcollector.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(COLLECTOR_LDFLAGS) -o $@ $^ $(COLLECTOR_LIBS)

$(B)/cprofctl: $(B)/obj/collector/cprofctl.o $(CTL_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(COLLECTOR_LDFLAGS) -o $@ $^ $(CTL_LIBS)

$(B)/shim/%.o: %.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(SHIM_CFLAGS) -c -o $@ $<

$(B)/obj/%.o: %.c | $(PB:=.h)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(COLLECTOR_CFLAGS) -c -o $@ $<

# It holds the page.
$(B)/obj/collector/report_flame.o: collector/report_flame.html

$(B)/proto/%.pb-c.o: $(B)/proto/%.pb-c.c
	$(Q)$(CC) $(COLLECTOR_CFLAGS) -c -o $@ $<

$(B)/proto/%.pb-c.c $(B)/proto/%.pb-c.h &: proto/%.proto
	$(call say,PROTOC,$<)
	$(Q)mkdir -p $(@D) && $(PROTOC_C) --c_out=$(B) $<

include test/test.mk

lint:
	$(Q)scripts/install-deps build lint
	$(Q)$(MAKE) $(PB:=.h)
	$(Q)CPROF_BUILD=$(B) scripts/lint/all

bench:
	$(Q)CPROF_BUILD=$(B) scripts/bench $(if $(filter quick,$(BENCH)),--quick)

demo:
	$(Q)scripts/install-deps build demo
	$(Q)$(MAKE) all
	$(Q)CPROF_BUILD=$(B) scripts/demo

# Once; the collector looks for it beside itself. `make` works without.
.PHONY: web
web: $(B)/speedscope
$(B)/speedscope:
	$(call say,FETCH,$@)
	$(Q)mkdir -p $(@D) && scripts/fetch-speedscope $@

install: all
	$(Q)CPROF_BUILD=$(B) PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) \
		scripts/install-files install

uninstall:
	$(Q)PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) scripts/install-files uninstall

deb:
	$(Q)scripts/install-deps build deb
	$(Q)scripts/make-deb $(B)/deb

help:
	@sed -n 's/^## //p' Makefile

clean:
	rm -rf build build-*

-include $(wildcard $(B)/shim/*/*.d $(B)/obj/*/*.d)
