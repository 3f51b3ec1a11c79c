# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# say.sh - sourced by the scripts: one way to speak, one way to give up.
#
#   say TEXT      a line of progress
#   die TEXT      one sentence that says what is wrong and what to do; ends the script with 1
#   pid_is_ours FILE    a file of "pid start_ticks" written by pid_note names a process that still runs
#
# A process id alone is not enough to kill by: the number is given to somebody else after a while.
# Its start time goes with it.

say()
{
	printf '%s\n' "sluice: $*"
}

die()
{
	printf '%s\n' "sluice: error: $*" >&2
	exit 1
}

need_root()
{
	[ "$(id -u)" -eq 0 ] || die "$1 needs root: run it again as \"sudo $1\"."
}

# Start time of a process in clock ticks since boot; nothing when there is no such process.
# The name in parentheses may hold spaces, so the fields are counted behind the last parenthesis.
pid_start_ticks()
{
	local stat fields

	{ stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
	read -ra fields <<<"${stat##*) }"
	[ "${fields[0]}" != Z ] || return 1
	printf '%s\n' "${fields[19]}"
}

# pid_note FILE PID
pid_note()
{
	printf '%s %s\n' "$2" "$(pid_start_ticks "$2")" >"$1"
}

# Prints the pid when the process noted in FILE still runs.
pid_of()
{
	local pid='' ticks=''

	[ -r "$1" ] && read -r pid ticks <"$1"
	[ -n "$pid" ] && [ -n "$ticks" ] && [ "$(pid_start_ticks "$pid")" = "$ticks" ] && printf '%s\n' "$pid"
}

# pid_wait_end FILE SECONDS: 0 when the process has ended in time. The process need not be our child.
pid_wait_end()
{
	local pid

	pid=$(pid_of "$1") || return 0
	timeout "$2" tail --pid="$pid" -s 0.05 -f /dev/null
}
