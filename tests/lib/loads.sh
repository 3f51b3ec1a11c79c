# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# loads.sh - a verifying load on each of several volumes. Source it after harness.sh.
#
#   load_on NAME URL [OPTION...]   begins one in the background; it reconnects
#   loads_advance N [SECONDS]      waits until N more commands of each have ended
#   loads_end [ANSWER]             ends all; each reads every block once more. ANSWER: the only answer that is no fault.
#                                  Dies with the names of those that found one; the sums are in $OPS, $REFUSED and $STALL_MS
declare -a LOADED=()

load_on() {
	local name=$1 url=$2
	shift 2
	rm -f "$T/load-$name.progress"
	start_bg "load-$name" "$(tool verify_load)" --survive-reconnect --zero --limit-ms 180000 \
		--progress "$T/load-$name.progress" "$@" "$url"
	LOADED+=("$name")
}
count_of_load() { tr -dc 0-9 2>/dev/null <"$T/load-$1.progress" || true; }
load_on_is_past() {
	local now
	now=$(count_of_load "$1")
	[ "${now:-0}" -gt "$2" ]
}
loads_advance() {
	local name
	declare -A from=()
	for name in "${LOADED[@]}"; do
		from[$name]=$(count_of_load "$name")
	done
	for name in "${LOADED[@]}"; do
		wait_until "${2:-60}" "$1 more commands on $name to end" load_on_is_past "$name" $((${from[$name]:-0} + $1))
	done
}
load_verdict() { # NAME ANSWER: what is wrong with it, or nothing
	local log=$T/load-$1.log
	if [ "$(tail -n 1 "$log" | jq .violations 2>/dev/null)" != 0 ]; then
		echo "$1: a violation: $(grep -m 1 'verify_load:' "$log")"
	elif grep ' failed: ' "$log" | finds -v "failed: ${2:-none is}"; then
		echo "$1: another answer: $(grep ' failed: ' "$log" | grep -m 1 -v "failed: ${2:-none is}")"
	fi
}
# shellcheck disable=SC2034 # the sums are the caller's
loads_end() {
	local name bad='' figures
	OPS=0 REFUSED=0 STALL_MS=0
	for name in "${LOADED[@]}"; do
		kill -TERM "${PID_OF[load-$name]}"
	done
	for name in "${LOADED[@]}"; do
		wait_bg "load-$name" 120
		bad+=$(load_verdict "$name" "${1:-}")
		figures=$(tail -n 1 "$T/load-$name.log")
		OPS=$((OPS + $(jq .ops <<<"$figures")))
		REFUSED=$((REFUSED + $(jq .errors <<<"$figures")))
		[ "$(jq .max_stall_ms <<<"$figures")" -le "$STALL_MS" ] || STALL_MS=$(jq .max_stall_ms <<<"$figures")
	done
	LOADED=()
	[ -z "$bad" ] || die "$bad"
}
