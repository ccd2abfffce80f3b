#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Properties of libcprof.so that keep it harmless: it needs libc alone, takes
# no more than a cache line of thread-local storage, binds at load, has no
# executable stack, may run with a shadow stack, is never unloaded, and exports and imports nothing that is
# not on the list.
set -u
shim=${CPROF_BUILD:-build}/libcprof.so
list=$(dirname "$0")/shim_symbols.txt
tmp=${CPROF_TEST_TMP:-$(mktemp -d)}
n_failed=0

check() { # WHAT GOT WANTED
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

dynamic=$(readelf -dW "$shim")
segments=$(readelf -lW "$shim")

check NEEDED "$(echo "$dynamic" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')" \
	libc.so.6
check BIND_NOW "$(echo "$dynamic" | grep -c 'Flags:.*NOW')" 1
check NODELETE "$(echo "$dynamic" | grep -c 'Flags:.*NODELETE')" 1
check TEXTREL "$(echo "$dynamic" | grep -c TEXTREL)" 0
check GNU_STACK "$(echo "$segments" | awk '$1 == "GNU_STACK" { print $7 }')" RW
# Without the mark one object takes it from the whole program. (Debian's crt
# files do not carry it, so it is the linker's word.)
check 'shadow stack' "$(readelf -nW "$shim" | grep -c 'x86 feature:.*SHSTK')" 1
tls=$(echo "$segments" | awk '$1 == "TLS" { print $6 }')
check 'TLS at most 64 bytes' "$([ $((tls)) -le 64 ] && echo yes)" yes
# Global-dynamic TLS allocates at its first use in a thread.
check '__tls_get_addr' "$(nm -D "$shim" | grep -c __tls_get_addr)" 0

nm -D --defined-only "$shim" | awk '$2 != "A" { print $3 }' |
	sed 's/@.*//' | sort -u >"$tmp/exports"
nm -D --undefined-only "$shim" | awk '{ print $NF }' |
	sed 's/@.*//' | sort -u >"$tmp/imports"
for kind in exports imports; do
	listed "$kind" >"$tmp/$kind.listed"
	check "$kind not on the list" \
		"$(comm -23 "$tmp/$kind" "$tmp/$kind.listed" | xargs)" ''
	check "$kind on the list and not there" \
		"$(comm -13 "$tmp/$kind" "$tmp/$kind.listed" | xargs)" ''
done
# What a musl program has not must be weak, or it does not start.
check 'strong imports that only glibc has' "$(nm -D --undefined-only "$shim" |
	awk '$1 == "U" { print $2 }' | sed 's/@.*//' |
	grep -x '__libc_.*\|dlvsym\|gnu_.*\|dladdr1' | xargs)" ''

# dlsym allocates when it misses: only at the start. No dlerror, no cached pid.
root=$(dirname "$0")/../..
check 'callers of dlsym, all at the start' \
	"$(grep -l '\bdlv\?sym(' "$root"/preload/*.c | xargs -n1 basename | xargs)" \
	'hook_new.c init.c real.c'
check 'callers of dlerror, getpid, stdio, malloc' "$(grep -n \
	'\b\(dlerror\|getpid\|printf\|fprintf\|puts\|abort\|assert\|exit\)(' \
	"$root"/preload/*.c | grep -v '^[^:]*:[0-9]*:[[:space:]]*//' | xargs)" ''
[ "$n_failed" = 0 ]
