# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# bash completion for sluice: the program itself knows its words, options and the appliance's names.
# To use it:  source <(sluice completion bash)
_sluice() {
	local line words=("${COMP_WORDS[@]:1:COMP_CWORD}")
	COMPREPLY=()
	while IFS= read -r line; do
		COMPREPLY+=("$line")
	done < <(sluice complete -- "${words[@]}" 2>/dev/null)
	if [ "${#COMPREPLY[@]}" = 1 ] && [ "${COMPREPLY[0]}" = "@file" ]; then
		mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
	fi
}
complete -F _sluice sluice
