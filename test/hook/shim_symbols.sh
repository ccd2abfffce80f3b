#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Properties of libcprof.so that keep it harmless: it needs libc alone, takes
# no more than three cache lines of thread-local storage, binds at load, has no
# executable stack, may run with a shadow stack, is never unloaded, exports and
# imports nothing that is not on the list, and exports nothing that no test
# calls. A library in which all of this is wrong, of the sources of the naive
# shims, fails every check.
set -u
. "$(dirname "$0")/../lib/script.sh"
here=$(dirname "$0")
build=${CPROF_BUILD:-build}
list=$here/shim_symbols.txt
n_checks=0
n_failed=0

check() { # WHAT GOT WANTED
	n_checks=$((n_checks + 1))
	if [ "$2" = "$3" ]; then
		echo "$1: $2"
	else
		echo "FAIL $1: '$2', not '$3'"
		n_failed=$((n_failed + 1))
	fi
}

listed() { # SECTION
	sed -n "/^\[$1\]/,/^\[/p" "$list" | grep -v '^\[\|^#\|^$' | sort -u
}

check_segments() { # SHIM
	dynamic=$(readelf -dW "$1")
	segments=$(readelf -lW "$1")
	check NEEDED "$(echo "$dynamic" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')" \
		libc.so.6
	check BIND_NOW "$(echo "$dynamic" | grep -c 'Flags:.*NOW')" 1
	check NODELETE "$(echo "$dynamic" | grep -c 'Flags:.*NODELETE')" 1
	check TEXTREL "$(echo "$dynamic" | grep -c TEXTREL)" 0
	check GNU_STACK \
		"$(echo "$segments" | awk '$1 == "GNU_STACK" { print $7 }')" RW
	# Without the mark one object takes it from the whole program. (Debian's
	# crt files do not carry it, so it is the linker's word.)
	check 'shadow stack' \
		"$(readelf -nW "$1" | grep -c 'x86 feature:.*SHSTK')" 1
	tls=$(echo "$segments" | awk '$1 == "TLS" { print $6 }')
	check 'TLS at most 208 bytes' "$([ $((tls)) -le 208 ] && echo yes)" yes
}

check_symbols() { # SHIM
	# Global-dynamic TLS allocates at its first use in a thread.
	check '__tls_get_addr' "$(nm -D "$1" | grep -c __tls_get_addr)" 0
	nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' |
		sed 's/@.*//' | sort -u >"$T/exports"
	nm -D --undefined-only "$1" | awk '{ print $NF }' |
		sed 's/@.*//' | sort -u >"$T/imports"
	for kind in exports imports; do
		listed "$kind" >"$T/$kind.listed"
		check "$kind not on the list" \
			"$(comm -23 "$T/$kind" "$T/$kind.listed" | xargs)" ''
		check "$kind on the list and not there" \
			"$(comm -13 "$T/$kind" "$T/$kind.listed" | xargs)" ''
	done
	# What a musl program has not must be weak, or it does not start.
	check 'strong imports that only glibc has' "$(nm -D --undefined-only "$1" |
		awk '$1 == "U" { print $2 }' | sed 's/@.*//' |
		grep -x '__libc_.*\|dlvsym\|gnu_.*\|dladdr1' | xargs)" ''
}

# What nothing in the tests calls, nobody would notice was wrong. Programs look
# for cprof's own functions by their names.
check_called() {
	find "$build/test" -name unit -prune -o -name naive -prune -o \
		-type f \( -perm -u+x -o -name '*.so' \) -print0 |
		xargs -0 nm -D --undefined-only 2>/dev/null |
		awk 'NF > 1 { print $NF }' | sed 's/@.*//' >"$T/called"
	grep -ho 'cprof_[a-z_]*' "$here"/../truth/*.c >>"$T/called"
	sort -u -o "$T/called" "$T/called"
	check 'exports that no test calls' \
		"$(comm -23 "$T/exports" "$T/called" | xargs)" ''
}

# A symbol of libc's without a version takes callers of any; cond_old.c is the
# exception's test. Ours say whose they are.
check_versions() { # SHIM
	check SONAME "$(readelf -dW "$1" |
		sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" libcprof.so
	objdump -T "$1" | awk '/\.text/ { print $NF, $(NF - 1) }' |
		sort -u >"$T/versions"
	check "ours that don't carry our version" \
		"$(grep '^cprof_' "$T/versions" | grep -v ' CPROF_0\.1$' |
			xargs)" ''
	check "what carries another's version" \
		"$(grep -v '^cprof_' "$T/versions" | grep -v ' Base$' |
			xargs)" \
		'pthread_cond_timedwait GLIBC_2.3.2 pthread_cond_wait GLIBC_2.3.2'
	[ "$2" != bad ] || return 0
	# Found by name alone, and by the version that a linked program asks for.
	cat >"$T/linked.c" <<'C'
extern const char *cprof_version(void);
int main(void) { return cprof_version()[0] == '0' ? 0 : 1; }
C
	gcc -o "$T/linked" "$T/linked.c" "$1" || fail 'no program was linked'
	check 'version a linked program asks for' "$(objdump -T "$T/linked" |
		awk '/cprof_version/ { print $(NF - 1) }')" '(CPROF_0.1)'
	LD_LIBRARY_PATH=$(dirname "$1") "$T/linked"
	check 'status of a linked program' $? 0
}

# dlsym allocates when it misses: only at the start. No dlerror, no cached pid.
check_sources() { # FOLDER
	check 'callers of dlsym, all at the start' \
		"$(grep -l '\bdlv\?sym(' "$1"/*.c | xargs -n1 basename | xargs)" \
		'hook_new.c init.c real.c'
	check 'callers of dlerror, getpid, stdio, malloc' "$(grep -n \
		'\b\(dlerror\|getpid\|printf\|fprintf\|puts\|abort\|assert\|exit\)(' \
		"$1"/*.c | grep -v '^[^:]*:[0-9]*:[[:space:]]*//' | xargs)" ''
}

check_all() { # SHIM SOURCES
	check_segments "$1"
	check_symbols "$1"
	check_called
	check_versions "$1" "${3-}"
	check_sources "$2"
}

make_bad() {
	cat >"$T/bad.c" <<'C'
extern void *__libc_malloc(unsigned long);
void cprof_other(void);
void cprof_other(void) {}
__thread char state[4096];
void *what_state(void) { return state; }
void *what_malloc(void) { return __libc_malloc(1); }
C
	echo 'int word; int *what_word(void) { return &word; }' >"$T/text.c"
	gcc -fPIC -c -o "$T/bad.o" "$T/bad.c"
	gcc -fno-pic -mcmodel=large -fcf-protection=none -c -o "$T/text.o" \
		"$T/text.c"
	gcc -shared -w -Wl,-z,lazy -Wl,-z,execstack -Wl,-z,notext \
		-Wl,--no-as-needed -Wl,--no-warnings -o "$T/bad.so" \
		"$T/bad.o" "$T/text.o" -lm || fail 'no bad library'
}

check_all "$build/libcprof.so" "$here/../../preload"
[ "$n_failed" = 0 ] || exit 1
make_bad
n_checks=0
check_all "$T/bad.so" "$here/naive" bad >"$T/bad.out"
[ "$n_failed" = "$n_checks" ] ||
	fail "fine in a bad library: $(grep '^[^:]*: ' "$T/bad.out")"
echo "all $n_checks fail for a bad library"
