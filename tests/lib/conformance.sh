# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# conformance.sh - single tests of iscsi-test-cu, and what is known of each. Source it after harness.sh.
#
#   conformance_names REGEX            the tests of family ALL that match, one to a line
#   conformance_listed TEST            fail, skip, on4kn, onreadonly, onmem or nothing: what the list says
#   conformance_one TEST URL URL2 OUT  runs it in a process of its own; prints passed, failed or skipped
#   conformance_here REGEX URL URL2    all of these on this LUN whose outcome the list does not put elsewhere: dies unless each
#                                      ends as expected; the number that passed is in $CONFORMING
EXPECTED=$ROOT/tests/integration/conformance-expected.txt

conformance_names() { iscsi-test-cu -l | awk -F. 'NF == 3 && $1 == "ALL"' | grep -E "$1"; }
# The line of the list for a test: its first word.
conformance_listed() { awk -v t="$1" '$2 == t { print $1 }' "$EXPECTED"; }

# verdict FILE  from CUnit's text. CUnit counts a skip as a pass.
verdict() {
	if ! grep -qE '^ +tests +1 +1 ' "$1"; then
		echo failed
	elif ! grep -qE '^ +tests +1 +1 +1 +0 ' "$1"; then
		echo failed
	elif sed -n '/Test:/,$p' "$1" | finds '\[SKIPPED\]'; then
		echo skipped
	else
		echo passed
	fi
}
conformance_one() {
	# Some tests take blocks that they never wrote for zeros.
	scsi "$2" "unmap 0 8192" >/dev/null || true
	timeout -k 2 $((60 * PATIENCE)) iscsi-test-cu --dataloss --fail --verbose --test="$1" "$2" "$3" >"$4" 2>&1 </dev/null || true
	verdict "$4"
}
conformance_here() {
	local test want got
	CONFORMING=0
	while read -r test; do
		want=$(conformance_listed "$test")
		[[ $want != on* ]] || continue
		got=$(conformance_one "$test" "$2" "$3" "$T/conformance.out")
		case ${want:-pass}/$got in
		pass/passed) CONFORMING=$((CONFORMING + 1)) ;;
		skip/skipped | fail/failed) ;;
		*) die "$test was expected to ${want:-pass}, but $got: $(grep -aE '\[FAILED\]|^ +[0-9]+\. ' "$T/conformance.out" | head -3)" ;;
		esac
	done < <(conformance_names "$1")
}
