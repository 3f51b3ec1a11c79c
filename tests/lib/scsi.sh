# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# scsi.sh - a SCSI session in a shell test. Sourced by harness.sh.
#
#   scsi URL "command"...         one session, the commands in order, one result line each
#   session_open URL [option..]   a session that stays: then session_do "command" sets $REPLY
#   session_close
#
# tests/tools/scsi_sh.c has the list of commands; a result is "good ...", "check K/AA/QQ ...",
# "busy", "conflict", "timeout" or "transport ...".
scsi() {
	local target=$1
	shift
	printf '%s\n' "$@" | timeout -k 1 "${SCSI_LIMIT_S:-60}" "$(tool scsi_sh)" "$target"
}

session_open() {
	coproc SESSION { exec "$(tool scsi_sh)" --hello "$@" 2>>"$T/session.log"; }
	session_read 20
	[ "$REPLY" = ready ] || die "no session with $1: $REPLY"
}
session_read() {
	REPLY=
	IFS= read -r -t "$1" REPLY <&"${SESSION[0]}" || REPLY="no answer in $1 s"
}
session_send() { printf '%s\n' "$1" >&"${SESSION[1]}"; }
session_do() {
	session_send "$1"
	session_read "${2:-60}"
}
session_close() {
	local pid=$SESSION_PID
	eval "exec ${SESSION[1]}>&-"
	wait "$pid" 2>/dev/null || true
}

# expect "what" WANTED GOT  WANTED is a glob.
expect() {
	# shellcheck disable=SC2053 # the right side is a pattern on purpose
	[[ $3 == $2 ]] || die "$1: wanted '$2', got '$3'"
}

# scsi_expect URL "command" WANTED
scsi_expect() { expect "$2" "$3" "$(scsi "$1" "$2")"; }

# Load: verify_load in the background. load_start NAME option...; load_moves NAME; load_end NAME
load_start() {
	local name=$1
	shift
	rm -f "$T/$name.progress"
	start_bg "$name" "$(tool verify_load)" --progress "$T/$name.progress" "$@"
	wait_until 30 "$name to run" load_count_is_over "$name" 0
}
load_count() { cat "$T/$1.progress" 2>/dev/null || echo 0; }
load_count_is_over() { [ "$(load_count "$1")" -gt "$2" ]; }
# Waits until so many further operations have ended.
load_moves() {
	local at
	at=$(load_count "$1")
	wait_until "${3:-30}" "$1 to go on" load_count_is_over "$1" $((at + ${2:-200}))
}
# load_end NAME SECONDS  tells it to finish (SIGTERM: final verification, then the verdict).
load_end() {
	kill -TERM "${PID_OF[$1]}" 2>/dev/null || true
	wait_bg "$1" "${2:-60}"
	tail -n 1 "$T/$1.log"
	[ "$RC" = 0 ] || die "$1 found violations (status $RC)"
}
load_figure() { tail -n 1 "$T/$1.log" | jq -r ".$2"; }
lun_is_ready() { [ "$(scsi "$1" tur 2>/dev/null)" = good ]; }
