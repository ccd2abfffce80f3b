# shellcheck shell=sh disable=SC2034 # used by who sources it
# SPDX-License-Identifier: Apache-2.0
#
# What the scripts of cases.ini share. Sourced. Each prints what must be the
# same bare and under the shim, and nothing else.

. "$HERE/../lib/script.sh"
export T

# descriptors PID...: the open files of each, without their inodes.
descriptors() {
	for pid; do
		for fd in "/proc/$pid/fd"/*; do
			echo "fd ${fd##*/} $(readlink "$fd")"
		done
	done | sed "s,$T,{tmp},;s/:\[[0-9]*\]/:[]/" | sort
}

# let_others_in: through the folder of the run and that of the case, above it (not
# where everybody is already: run by hand, that may be /tmp).
let_others_in() {
	chmod 711 "$T"
	[ -k "$T/.." ] || chmod 711 "$T/.."
}

# others_may_preload FOLDER: copies of the programs go there, since a build may
# lie where only its owner can look; $as_nobody and $as_postgres begin a command
# that runs as another user with them (as oneself, if that isn't root).
others_may_preload() {
	as_nobody=
	as_postgres=
	[ "$(id -u)" = 0 ] || return 0
	mkdir "$1"
	preload='env'
	# A bare run has the same, without effect (check-case).
	variable=LD_PRELOAD
	[ -n "${LD_PRELOAD-}" ] || variable=LD_PRELOAX
	eval "shim=\${$variable-}"
	if [ -n "$shim" ]; then
		cp "$shim" "${shim%/*}/cprofd" "$1"
		chmod 755 "$1"/*
		preload="env $variable=$1/libcprof.so"
		[ ! -d "${CPROF_SOCKET%/*}" ] ||
			preload="$preload CPROF_SOCKET=$1/s"
	fi
	chmod 1777 "$1"
	as_nobody="setpriv --reuid=nobody --clear-groups $preload"
	as_postgres="setpriv --reuid=postgres --regid=postgres --clear-groups
		$preload"
}
