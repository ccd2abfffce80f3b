# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Completion of cprofctl for bash. It knows no command and no option: both are
# read from `cprofctl help` and `cprofctl COMMAND --help`, which are made from
# the program's own tables.

_cprofctl_commands() {
	cprofctl help 2>/dev/null |
		sed -n '/^commands:/,/^TARGET/s/^  \([a-z]\{1,\}\) .*/\1/p'
}

_cprofctl_reports() {
	cprofctl help 2>/dev/null |
		sed -n '/^reports,/,/^$/s/^  \([a-z]\{1,\}\) .*/\1/p'
}

_cprofctl_options() {
	cprofctl "$1" --help 2>/dev/null | grep -o -e '--[a-z-]*'
}

# The profiled processes, by pid and by name; none when no collector runs.
_cprofctl_targets() {
	cprofctl ps 2>/dev/null | awk 'NR > 1 && $1 ~ /^[0-9]+$/ { print $'"$1"' }'
}

_cprofctl_keys() {
	cprofctl run --help 2>/dev/null | grep -o \
		-e '--cpu-hz' -e '--heap-rate' -e '--block-rate' \
		-e '--mutex-fraction' | sed 's/^--//; s/-/./; s/$/=/'
}

_cprofctl_words() {
	local command=$1
	case $command in
	run) compgen -A command -- "$2" ;;
	set) _cprofctl_keys && _cprofctl_targets 2 ;;
	ps | merge) ;;
	diff) _cprofctl_reports ;;
	*)
		if _cprofctl_reports | grep -qx -- "$command"; then
			echo profile heap allocs block mutex threadcreate threads
		fi
		_cprofctl_targets 2
		;;
	esac
}

_cprofctl() {
	local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]-} words
	local previous=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		words=$(_cprofctl_commands)
	elif [[ $previous == -p || $previous == --pid ]]; then
		words=$(_cprofctl_targets 1)
	elif [[ $previous == -o || $previous == --output ||
		$previous == --socket || $previous == --dir ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
	elif [[ $word == -* ]]; then
		words=$(_cprofctl_options "$command")
	else
		words=$(_cprofctl_words "$command" "$word")
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	# A key waits for its value.
	if [[ ${COMPREPLY[0]-} == *= ]]; then
		compopt -o nospace 2>/dev/null || true
	fi
}

complete -o default -F _cprofctl cprofctl
