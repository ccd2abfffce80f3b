#compdef cprofctl
# SPDX-License-Identifier: Apache-2.0
#
# Completion of cprofctl for zsh. It knows no command and no option: both are
# read from `cprofctl help` and `cprofctl COMMAND --help`, which are made from
# the program's own tables.

_cprofctl_commands() {
	local -a commands
	commands=(${(f)"$(cprofctl help 2>/dev/null | sed -n \
		'/^commands:/,/^TARGET/s/^  \([a-z]\{1,\}\)  *\(.*\)/\1:\2/p')"})
	_describe command commands
}

_cprofctl_options() {
	local -a options
	options=(${(f)"$(cprofctl $1 --help 2>/dev/null | grep -o -e '--[a-z-]*')"})
	compadd -- $options
}

_cprofctl_targets() {
	local -a targets
	targets=(${(f)"$(cprofctl ps 2>/dev/null |
		awk -v n=$1 'NR > 1 && $1 ~ /^[0-9]+$/ { print $n }')"})
	compadd -- $targets
}

_cprofctl() {
	local command=$words[2]
	if ((CURRENT == 2)); then
		_cprofctl_commands
	elif [[ ${words[CURRENT-1]} == (-p|--pid) ]]; then
		_cprofctl_targets 1
	elif [[ ${words[CURRENT]} == -* ]]; then
		_cprofctl_options $command
	elif [[ $command == run ]]; then
		_command_names -e || _files
	else
		_cprofctl_targets 2
		_files
	fi
}

_cprofctl "$@"
