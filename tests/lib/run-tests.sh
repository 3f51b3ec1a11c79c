#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run-tests.sh - the runner of "make check".
#
#     run-tests.sh [-t SECONDS] [-j N] TEST...
#
# A test is a program or script: exit 0 pass, 77 skip with the reason as its last line, else fail.
# A test that stands for many (a conformance suite) may print, on a line of its own,
#     RESULT passed=N failed=N skipped=N
# and is then counted as that many. A first lines' comment "# time limit: N s" in a script replaces the
# default limit; a machine that has other work to do gets SLUICE_PATIENCE (3) times as long. A test's line says the seconds that it took, and how long it kept processors busy. The
# last line of output is "N passed, N failed, N skipped".
set -euo pipefail

LIMIT_S=120
PATIENCE=${SLUICE_PATIENCE:-3} # limits are those of a machine of one's own
JOBS=1
while getopts t:j: opt; do
	case $opt in
	t) LIMIT_S=$OPTARG ;;
	j) JOBS=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
TOTAL=$#
OUT=$(mktemp -d /var/tmp/sluice-tests.XXXXXX) # /tmp may be a tmpfs, which older kernels open without O_DIRECT
trap 'rm -rf "$OUT"' EXIT
export SLUICE_TEST_DIR=$OUT/tmp
mkdir "$SLUICE_TEST_DIR"
chmod 711 "$OUT" "$SLUICE_TEST_DIR" # some tests run a daemon as another user

limit_of() {
	local own=
	if [ "$(head -c 2 "$1")" = '#!' ]; then
		own=$(head -n 20 "$1" | sed -n 's/^# time limit: \([0-9]*\) s.*/\1/p' | head -n 1)
	fi
	own=${own:-$LIMIT_S}
	# A long one has been generous already.
	echo $((own * PATIENCE < 900 ? own * PATIENCE : own > 900 ? own : 900))
}

# cpu_ms FILE  what "times" wrote there about children: user and system time of all that were waited for.
cpu_ms() {
	tail -n 1 "$1" | awk '{ split($0, t, /[ms ]+/); printf "%d", (60 * (t[1] + t[3]) + t[2] + t[4]) * 1000 }'
}

# run_one INDEX TEST  leaves INDEX.out, INDEX.rc, INDEX.ms and INDEX.cpu.
run_one() {
	local from rc=0 limit
	limit=$(limit_of "$2")
	times >"$OUT/$1.times0"
	from=${EPOCHREALTIME/./}
	timeout -k 5 "$limit" "$2" >"$OUT/$1.out" 2>&1 </dev/null || rc=$?
	[ "$rc" != 124 ] && [ "$rc" != 137 ] || echo "ended after its time limit of $limit s" >>"$OUT/$1.out"
	echo $(((${EPOCHREALTIME/./} - from) / 1000)) >"$OUT/$1.ms"
	times >"$OUT/$1.times"
	echo $(($(cpu_ms "$OUT/$1.times") - $(cpu_ms "$OUT/$1.times0"))) >"$OUT/$1.cpu"
	echo "$rc" >"$OUT/$1.rc"
}

passed=0 failed=0 skipped=0 done_count=0
declare -a FAILED=()

report() {
	local i=$1 test=$2 rc ms cpu word why='' result
	rc=$(<"$OUT/$i.rc")
	ms=$(<"$OUT/$i.ms")
	cpu=$(<"$OUT/$i.cpu")
	result=$(grep -aE '^RESULT passed=[0-9]+ failed=[0-9]+ skipped=[0-9]+$' "$OUT/$i.out" | tail -n 1 || true)
	case $rc in
	0) word="ok  " ;;
	77) word="skip" why=": $(grep -a . "$OUT/$i.out" | tail -n 1 | sed 's/^skip: *//')" ;;
	*) word="FAIL" ;;
	esac
	done_count=$((done_count + 1))
	printf '[%3d/%d] %s %s (%d.%d s, %d.%d busy)%s\n' "$done_count" "$TOTAL" "$word" "$(basename "$test")" \
		$((ms / 1000)) $((ms % 1000 / 100)) $((cpu / 1000)) $((cpu % 1000 / 100)) "$why"
	count "$rc" "$result" "$test"
	if [ "$rc" != 0 ] && [ "$rc" != 77 ]; then
		FAILED+=("$test")
		# Why, stands before the ends of many daemons' logs.
		sed 's/^/        | /' "$OUT/$i.out" | awk 'NR <= 40 { print; next } { last[NR % 80] = $0 }
			END { if (NR > 120) print "        | ..."
				for (i = NR > 120 ? NR - 79 : 41; i <= NR; i++) print last[i % 80] }'
	fi
}

count() {
	local rc=$1 p f s
	if [ -n "$2" ]; then
		read -r p f s <<<"$(tr -c '0-9\n' ' ' <<<"$2")"
		[ "$rc" = 0 ] || [ "$f" != 0 ] || f=1
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
		return
	fi
	case $rc in
	0) passed=$((passed + 1)) ;;
	77) skipped=$((skipped + 1)) ;;
	*) failed=$((failed + 1)) ;;
	esac
}

# Slots of a fixed number of running tests; reported in the order in which they end.
declare -A TEST_OF=() INDEX_OF=()
reap_one() {
	local pid
	wait -n -p pid || true
	report "${INDEX_OF[$pid]}" "${TEST_OF[$pid]}"
	unset "TEST_OF[$pid]" "INDEX_OF[$pid]"
}

i=0
for test in "$@"; do
	i=$((i + 1))
	[ "${#TEST_OF[@]}" -lt "$JOBS" ] || reap_one
	run_one "$i" "$test" &
	TEST_OF[$!]=$test
	INDEX_OF[$!]=$i
done
while [ "${#TEST_OF[@]}" -gt 0 ]; do
	reap_one
done

[ "${#FAILED[@]}" = 0 ] || printf 'failed: %s\n' "${FAILED[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
