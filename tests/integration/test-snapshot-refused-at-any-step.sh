#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 400 s
#
# A snapshot, and a revert, of a volume with a filter of each class, where each of them in turn refuses to settle, to
# prepare, and while I/O is held: there is no snapshot and the sentence names the filter; those before it that had
# prepared are told to abort, those behind it hear nothing of a preparation; a verifying load goes on. Then it works.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/encryption.sh"
. "$(dirname "$0")/../lib/snapshot.sh"
need_tools verify_load
CHAIN=(trace encryption cache delay inject_data_capture io_control) # from the top down
wrap=$B/tests/plugins/fault_wrap.so
[ -e "$wrap" ] || die "$wrap is missing; say: make VARIANT=$VARIANT variant-tests"

# A copy each: two links to one object would be one object.
export FILTERS=$T/filters
mkdir -p "$FILTERS/real" "$T/flash"
for f in "${CHAIN[@]}"; do
	ln -s "$B/filters/$f.so" "$FILTERS/real/"
	cp "$wrap" "$FILTERS/$f.so"
done
state_is() { [ "$(ctl --json volume show v0 | jq -r '.volume.filters[] | select(.filter == "cache").status.state')" = "$1" ]; }
encrypted_lun 32M
ctl datastore filter-set d0 cache "flash_path=$T/flash" flash_bytes=67108864 >/dev/null
for f in trace 'cache,mode=write_back,flash_bytes=16777216,destage_age_ms=100' delay inject_data_capture io_control; do
	ctl filter attach v0 "$f" >/dev/null
done
wait_until 20 write-back state_is serving
load_start load --depth 8 --zero --forbid-busy --max-stall-ms 20000 "$URL"
load_moves load 100

told() { grep " $1\$" "$FILTERS/told" | tr '\n' ';'; }
lines() { # PHASE KIND FILTER...
	local phase=$1 kind=$2 f
	shift 2
	for f; do printf '%s %s %s;' "$f" "$phase" "$kind"; done
}
upwards() { printf '%s\n' "$@" | tac | tr '\n' ' '; }

# refused_by FILTER PHASE KIND COMMAND... - fails, by that filter's name.
refused_by() {
	local filter=$1 phase=$2 kind=$3
	shift 3
	printf '%s %s %s\n' "$filter" "$phase" "$kind" >"$FILTERS/refuse"
	: >"$FILTERS/told"
	! ctl "$@" >"$T/out" 2>"$T/said" || die "$filter refused to $phase, and '$*' worked"
	grep -q "'$filter'.*a fault that the test asked for" "$T/said" || die "$filter, $phase: $(cat "$T/said")"
	rm "$FILTERS/refuse"
	goes_on
}

goes_on() { load_moves load 20; }
N=1 steps=0
snapshot_new v0 "$(snapshot_uuid 1)" first
# each_step KIND COMMAND... - COMMAND with every filter's every step refused.
each_step() {
	local kind=$1 i before
	shift
	refused_by cache settle begin "$@"
	[ -z "$(told "$kind")" ] || die "nobody is told of a $kind that could not settle: $(told "$kind")"
	for i in "${!CHAIN[@]}"; do
		before=("${CHAIN[@]:0:i}")
		refused_by "${CHAIN[i]}" prepare "$kind" "$@"
		# shellcheck disable=SC2046
		expect "what the chain was told when ${CHAIN[i]} refused to prepare a $kind" \
			"$(lines prepare "$kind" "${before[@]}" "${CHAIN[i]}")$(lines abort "$kind" $(upwards "${before[@]}"))" \
			"$(told "$kind")"
		refused_by "${CHAIN[i]}" held "$kind" "$@"
		# shellcheck disable=SC2046
		expect "what the chain was told when ${CHAIN[i]} refused a held $kind" \
			"$(lines prepare "$kind" "${CHAIN[@]}")$(lines held "$kind" "${before[@]}" "${CHAIN[i]}")$(lines abort "$kind" $(upwards "${CHAIN[@]}"))" \
			"$(told "$kind")"
		expect "the snapshots that there are" "$N" "$(snapshot_count v0)"
		steps=$((steps + 2))
	done
	: >"$FILTERS/told"
	ctl "$@" >/dev/null || die "'$*' does not work when nobody refuses"
	expect "what the chain was told of a $kind" \
		"$(lines prepare "$kind" "${CHAIN[@]}")$(lines held "$kind" "${CHAIN[@]}")$(lines commit "$kind" "${CHAIN[@]}")" "$(told "$kind")"
}
each_step snapshot snapshot create "v0:$(snapshot_uuid 2)" --name second
expect "the snapshots that there are" 2 "$(snapshot_count v0)"
load_end load 120

# The same of a revert: what was refused has changed nothing.
goes_on() {
	scsi_expect "$URL" "check 0 8 0xb2" good
	scsi_expect "$URL" "write 8 8 0xc3" good
}
scsi_expect "$URL" "write 0 8 0xa1" good
snapshot_new v0 "$(snapshot_uuid 3)" third
scsi_expect "$URL" "write 0 8 0xb2" good
N=3
each_step revert snapshot revert v0 "$(snapshot_uuid 3)" --yes
scsi_expect "$URL" "check 0 8 0xa1" good
note "$steps steps refused"
