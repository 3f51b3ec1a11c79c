# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # variables for the tests that source this
#
# harness.sh - what every integration test stands on. Source it first:
#
#     . "$(dirname "$0")/../lib/harness.sh"
#
# The test is started again inside private mount, network and process namespaces: its ports cannot
# collide with anybody's, nothing it starts outlives it, and what it mounts is seen by it alone.
# It gets a directory $T, a set of helpers (below, daemons.sh, scsi.sh), and an EXIT trap that ends
# every process by its id, looks for errors in the daemons' logs that the test did not announce,
# and shows the logs' ends when the test failed.
#
# Exit codes: 0 pass, 77 skip (skip "reason"), anything else fail (die "what went wrong").
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
VARIANT=${VARIANT:-release}
NAME=$(basename "$0" .sh)
export ROOT VARIANT
# Debian's own tools first: a python of somebody's own may lack Debian's modules, and a shim before it costs more than a question.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
# The same language, begun in a sixth of the time: the tests ask thousands of questions.
if command -v gojq >/dev/null; then
	jq() { gojq "$@"; }
fi

skip() { echo "skip: $*"; exit 77; }
die() { echo "FAIL: $*" >&2; exit 1; }
note() { echo "$NAME: $*"; }

enter_sandbox() {
	[ "$(id -u)" = 0 ] || skip "needs root: it mounts and starts tgtd; say: sudo make check"
	unshare --mount --net --pid --fork true 2>/dev/null ||
		skip "the kernel or container refuses new namespaces (CAP_SYS_ADMIN)"
	exec unshare --mount --net --pid --fork --kill-child --mount-proc \
		env SLUICE_SANDBOX=1 "$BASH" "$0" "$@"
}
if [ -z "${SLUICE_SANDBOX:-}" ]; then
	enter_sandbox "$@"
fi

# A test's children must not believe that they are in the sandbox of a test that they start.
unset SLUICE_SANDBOX
ip link set lo up || die "cannot raise the loopback interface; install iproute2"
T=$(mktemp -d "${SLUICE_TEST_DIR:-/var/tmp}/sl.XXXXXX")
export T

# ---------------------------------------------------------------- time

# A limit is what a machine of one's own needs at most; a busy one gets this many times as long. Who waits for an event
# loses nothing by it.
export PATIENCE=${SLUICE_PATIENCE:-4}

# wait_until SECONDS "what" command...  polls; dies with "what" when the time is up. Ever more slowly, since a question
# may cost more than what is waited for.
wait_until() {
	local limit_s=$(($1 * PATIENCE)) what=$2 end_us pause_ms=20
	shift 2
	end_us=$((${EPOCHREALTIME/./} + limit_s * 1000000))
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$end_us" ] || die "waited $limit_s s in vain for $what"
		sleep "0.$(printf %03d "$pause_ms")"
		[ "$pause_ms" -ge 300 ] || pause_ms=$((pause_ms * 3 / 2))
	done
}

# For pipes: "grep -q" ends at what it finds first, and who still writes to it dies of that, which pipefail takes for a
# failure.
finds() { grep "$@" >/dev/null; }

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# ends_within SECONDS "what" command...  the command must end by itself and succeed.
ends_within() {
	local limit_s=$(($1 * PATIENCE)) what=$2 rc=0 from
	shift 2
	from=$(now_ms)
	timeout -k 2 "$limit_s" "$@" >"$T/ends.out" 2>&1 || rc=$?
	if [ "$rc" != 0 ]; then
		cat "$T/ends.out" >&2
		die "$what: exit $rc after $(($(now_ms) - from)) ms (limit $limit_s s; 124 means it never ended)"
	fi
	note "$what: $(($(now_ms) - from)) ms"
}

# ---------------------------------------------------------------- processes

declare -A PID_OF=()
declare -a LOG_FILES=() ALLOWED_ERRORS=()

# start_bg NAME command...  runs it with stdout and stderr in $T/NAME.log; its id is ${PID_OF[NAME]}.
start_bg() {
	local name=$1
	shift
	"$@" >>"$T/$name.log" 2>&1 </dev/null &
	PID_OF[$name]=$!
	[[ " ${LOG_FILES[*]:-} " == *" $T/$name.log "* ]] || LOG_FILES+=("$T/$name.log")
}

is_running() { kill -0 "${PID_OF[$1]}" 2>/dev/null; }

# kill_bg NAME [SIGNAL]  ends it and reaps it; its exit status is in $RC.
kill_bg() {
	local name=$1 sig=${2:-KILL}
	RC=0
	kill "-$sig" "${PID_OF[$name]}" 2>/dev/null || true
	wait "${PID_OF[$name]}" 2>/dev/null || RC=$?
	unset "PID_OF[$name]"
}

# wait_bg NAME SECONDS  waits for it to end by itself; its exit status is in $RC.
wait_bg() {
	local name=$1 limit_s=$2
	wait_until "$limit_s" "$name to end" is_over "$name"
	RC=0
	wait "${PID_OF[$name]}" || RC=$?
	unset "PID_OF[$name]"
}
is_over() {
	local state
	state=$(awk '{ print $3 }' "/proc/${PID_OF[$1]}/stat" 2>/dev/null) || return 0
	[ -z "$state" ] || [ "$state" = Z ]
}

# ---------------------------------------------------------------- logs

# expect_error REGEX  an error line that this test provokes on purpose.
expect_error() { ALLOWED_ERRORS+=("$1"); }

# Error lines of the daemons (log.h writes "error:"), of tgtd, and of the sanitizers.
error_lines() {
	local pattern='\] error: |ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:|[Aa]ssertion .* failed|Segmentation fault'
	local lines allowed
	[ "${#LOG_FILES[@]}" -gt 0 ] || return 0
	lines=$(grep -hE "$pattern" "${LOG_FILES[@]}" 2>/dev/null || true)
	for allowed in "${ALLOWED_ERRORS[@]:-}"; do
		[ -z "$allowed" ] || lines=$(grep -vE -- "$allowed" <<<"$lines" || true)
	done
	[ -z "$lines" ] || head -20 <<<"$lines"
}

show_logs() {
	local log
	for log in "${LOG_FILES[@]:-}"; do
		[ -s "$log" ] || continue
		echo "---- the end of $(basename "$log")" >&2
		tail -n 25 "$log" >&2
	done
}

# ---------------------------------------------------------------- the end

declare -a AT_EXIT=()
at_exit() { AT_EXIT+=("$*"); }

finish() {
	local rc=$? name errors action
	trap - EXIT
	set +e
	for action in "${AT_EXIT[@]:-}"; do
		[ -z "$action" ] || eval "$action"
	done
	if [ "$rc" = 0 ] && declare -F stop_daemons >/dev/null; then
		stop_daemons || rc=1
	fi
	for name in "${!PID_OF[@]}"; do
		kill -KILL "${PID_OF[$name]}" 2>/dev/null
		wait "${PID_OF[$name]}" 2>/dev/null
	done
	errors=$(error_lines)
	if [ "$rc" = 0 ] && [ -n "$errors" ]; then
		printf 'FAIL: errors in the logs that the test did not ask for:\n%s\n' "$errors" >&2
		rc=1
	fi
	[ "$rc" = 0 ] || [ "$rc" = 77 ] || show_logs
	if [ -n "${KEEP:-}" ]; then
		echo "kept: $T"
	else
		rm -rf --one-file-system "$T"
	fi
	exit "$rc"
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# shellcheck source=tests/lib/daemons.sh
. "$HERE/daemons.sh"
# shellcheck source=tests/lib/scsi.sh
. "$HERE/scsi.sh"
