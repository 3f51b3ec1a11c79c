#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 600 s
#
# Runs each test of iscsi-test-cu's family ALL in a process of its own (in one process, a skipped COMPARE
# AND WRITE test leaves a hook behind that corrupts every later 16-byte CDB) against two portals of one
# LUN, and compares the outcome with conformance-expected.txt: what is not listed there must pass, and
# what is listed must still fail or skip, or leave the list. The list also names the few tests that need
# another LUN: "on4kn" one with 4096-byte blocks, "onreadonly" one that is write-protected, "onmem" one in
# memory, the only kind that may promise atomic writes.
#
#     TARGET=plain test-conformance.sh     the same against tgt's own rdwr, for comparison only
#     ONLY=Regex test-conformance.sh       some of the tests
. "$(dirname "$0")/../lib/harness.sh"

TARGET=${TARGET:-sluice}
LANES=${LANES:-2}
FLOOR=205 # that many have to pass, whatever the list says
# shellcheck source=tests/lib/conformance.sh
. "$ROOT/tests/lib/conformance.sh"
command -v iscsi-test-cu >/dev/null || skip "iscsi-test-cu is not installed; apt-get install libiscsi-bin"

# One tgtd for each lane: LUN 1 is the usual one, 2 has 4096-byte blocks, 3 is write-protected, 4 is memory.
lane_start() {
	local lane=lane$1
	if [ "$TARGET" = plain ]; then
		tgtd_start "$lane" plain
		truncate -s 256M "$T/$lane.img"
		target_new "$lane" 1
		lun_file "$lane" 1 1 "$T/$lane.img"
	else
		volume_new "$lane" --datastore d0 --size 256M
		volume_new "$lane-4kn" --datastore d0 --size 256M --block-bytes 4096
		volume_new "$lane-readonly" --datastore d0 --size 256M --readonly
		volume_new "$lane-mem" --datastore m0 --size 256M
		tgtd_start "$lane"
		target_new "$lane" 1
		lun_sluice "$lane" 1 1 "$lane"
		lun_sluice "$lane" 1 2 "$lane-4kn"
		lun_sluice "$lane" 1 3 "$lane-readonly"
		lun_sluice "$lane" 1 4 "$lane-mem"
	fi
}

lun_for() {
	[ "$TARGET" != plain ] || { echo 1; return; }
	case $(conformance_listed "$1") in
	on4kn) echo 2 ;;
	onreadonly) echo 3 ;;
	onmem) echo 4 ;;
	*) echo 1 ;;
	esac
}

run_lane() {
	local lane=$1 test out lun i=0
	while read -r test; do
		i=$((i + 1))
		[ $((i % LANES)) = "$lane" ] || continue
		lun=$(lun_for "$test")
		out=$(conformance_one "$test" "$(url "lane$lane" 1 "$lun")" "$(url "lane$lane" 1 "$lun" 2)" "$T/out/$test")
		echo "$out $test" >>"$T/verdicts.$lane"
	done <"$T/tests"
}

run_all() {
	local lane pids=()
	mkdir "$T/out"
	conformance_names "${ONLY:-.}" >"$T/tests"
	for ((lane = 0; lane < LANES; lane++)); do
		run_lane "$lane" &
		pids+=($!)
	done
	wait "${pids[@]}"
	sort -k2 "$T"/verdicts.* >"$T/verdicts"
}

show_failure() {
	echo "FAIL: $1 was expected to be $2, but it $3"
	grep -aE '\[FAILED\]|\[SKIPPED\]|^ +[0-9]+\. ' "$T/out/$1" | head -6 | sed 's/^ */    /' || true
}

# Compares with the list; sets passed, skipped, known, wrong.
compare() {
	local got test want
	passed=0 skipped=0 known=0 wrong=0
	while read -r got test; do
		want=$(conformance_listed "$test")
		case ${want:-pass}/$got in
		pass/passed | on*/passed) passed=$((passed + 1)) ;;
		skip/skipped) skipped=$((skipped + 1)) ;;
		fail/failed) known=$((known + 1)) ;;
		*)
			wrong=$((wrong + 1))
			show_failure "$test" "${want:-pass}" "$got"
			;;
		esac
	done <"$T/verdicts"
}

count_of() { grep -c "^$1 " "$T/verdicts" || true; }

if [ "$TARGET" != plain ]; then
	filterd_start
	datastore_dir d0
	datastore_mem m0
fi
for ((n = 0; n < LANES; n++)); do
	lane_start "$n"
done
run_all
note "$TARGET: $(count_of passed) passed, $(count_of failed) failed, $(count_of skipped) skipped of $(wc -l <"$T/tests")"
[ -z "${VERDICTS:-}" ] || cp "$T/verdicts" "$VERDICTS"
[ -z "${OUTPUTS:-}" ] || cp -r "$T/out" "$OUTPUTS"
[ "$TARGET" != plain ] || exit 0

compare
note "$known known failures and $skipped known skips are listed with their reasons in $(basename "$EXPECTED")"
echo "RESULT passed=$passed failed=$wrong skipped=$((skipped + known))"
[ "$wrong" = 0 ] || die "$wrong tests did not end as expected"
[ -n "${ONLY:-}" ] || [ "$passed" -ge "$FLOOR" ] || die "only $passed tests passed; at least $FLOOR must"
