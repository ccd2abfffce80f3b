#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run: 120 any
#
# Completion as the two shells do it: in an interactive bash that has
# bash-completion's loader's part only, and in a zsh on a terminal (zpty), where
# TAB is pressed.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/lib/script.sh
need zsh
B=$(realpath "${CPROF_BUILD:-build}")
export PATH=$B:$PATH

# What bash offers for the words of a line, the last one unfinished.
in_bash() {
	bash -c '. scripts/completion.bash
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_cprofctl 2>/dev/null
		printf "%s\n" "${COMPREPLY[@]}"' - "$@"
}
offers() { # WORD LIST
	grep -qx -e "$1" <<<"$2" || fail "'$1' is not among: $(xargs <<<"$2")"
}

complete_spec=$(bash -c '. scripts/completion.bash; complete -p cprofctl')
[[ $complete_spec == *"-F _cprofctl cprofctl" ]] || fail "bash: $complete_spec"
all=$(in_bash cprofctl '')
while read -r command; do
	offers "$command" "$all"
done < <(sed -n 's/^COMMAND(\([A-Za-z_]*\),.*/\1/p' collector/ctl_command.def)
[ "$(in_bash cprofctl docto)" = doctor ] || fail "bash does not complete docto"
offers --cpuprofile "$(in_bash cprofctl run --cpu)"
offers --trace "$(in_bash cprofctl run --tr)"
offers heap.rate= "$(in_bash cprofctl set heap)"
echo "bash: $(wc -w <<<"$all") commands, options, keys"

# Types KEYS and TAB into an interactive zsh: its screen.
in_zsh() { # KEYS
	zsh -f -c '
		zmodload zsh/zpty
		zpty -b shell zsh -f -i
		send() { zpty -w shell "$1"; }
		screen=
		until_seen() { # PATTERN
			local part n=0
			while [[ $screen != *$~1* && $((n++)) -lt 400 ]]; do
				zpty -r -t shell part && screen+=$part ||
					sleep 0.05
			done
		}
		send "PS1=; unset zle_bracketed_paste; setopt noalwayslastprompt"
		send "fpath=($2 \$fpath); autoload -Uz compinit"
		send "compinit -u -D; zstyle \":completion:*\" list-separator --"
		send "LISTMAX=1000; COLUMNS=150; print is\${:-}ready"
		until_seen isready
		screen=
		zpty -w -n shell "$1"$'"'\\t'"'
		until_seen "$3"
		print -r -- "$screen"
	' - "$1" "$T/functions" "$2"
}
mkdir -p "$T/functions"
cp scripts/completion.zsh "$T/functions/_cprofctl"
export TERM=dumb
seen=$(in_zsh 'cprofctl docto' 'doctor')
[[ $seen == *doctor* ]] || fail "zsh does not complete docto: $seen"
seen=$(in_zsh 'cprofctl threadc' 'threadcreate')
[[ $seen == *threadcreate* ]] || fail "zsh does not complete threadc: $seen"
seen=$(in_zsh 'cprofctl run --cpuprof' 'cpuprofile')
[[ $seen == *--cpuprofile* ]] || fail "zsh does not complete options: $seen"
seen=$(in_zsh 'cprofctl m' '*adds*')
[[ $seen == *merge* && $seen == *mutex* ]] ||
	fail "zsh does not list the commands with m: $seen"
echo 'zsh: commands, options, lists'
