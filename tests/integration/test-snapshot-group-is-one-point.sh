#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A group of volumes on different workers and datastores is snapshotted at one point: of a writer that counts in one
# volume and then in the other, no snapshot has the second count without the first. A filter that refuses fails all of
# it by name, and all goes on as before.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/snapshot.sh"
GROUPS_WANTED=${GROUPS_WANTED:-6}
WORKERS=2 filterd_start
datastore_dir d0 --worker 0
datastore_dir d1 --worker 1
volume_new v0 --datastore d0 --size 16M
volume_new v1 --datastore d1 --size 16M
tgtd_start a
target_new a 1
lun_sluice a 1 1 v0
lun_sluice a 1 2 v1

# The count, 1 to 250 and again, is what block 0 is full of: first in v0, when that is acknowledged in v1. A file that
# grows by a byte for each tells how far it is: it is never empty for a moment, as one that is written anew would be.
: >"$T/count"
count_up() {
	local n=0
	coproc A { exec "$(tool scsi_sh)" --hello "$(url a 1 1)" 2>>"$T/session.log"; }
	exec 7<&"${A[0]}" 8>&"${A[1]}"
	coproc B { exec "$(tool scsi_sh)" --hello "$(url a 1 2)" 2>>"$T/session.log"; }
	exec 5<&"${B[0]}" 6>&"${B[1]}"
	read -r -u 7 -t 20 && read -r -u 5 -t 20
	while [ ! -e "$T/stop" ]; do
		n=$((n % 250 + 1))
		printf 'write 0 8 0x%02x\n' "$n" >&8
		if ! read -r -u 7 -t 30 || [ "$REPLY" != good ]; then
			echo "v0: $REPLY" >"$T/count.failed"
			break
		fi
		printf 'write 0 8 0x%02x\n' "$n" >&6
		if ! read -r -u 5 -t 30 || [ "$REPLY" != good ]; then
			echo "v1: $REPLY" >"$T/count.failed"
			break
		fi
		printf . >>"$T/count"
	done
}
counted() { stat -c %s "$T/count"; }
count_is_over() { [ -e "$T/count.failed" ] || [ "$(counted)" -gt "$1" ]; }
count_goes_on() {
	wait_until 20 "the count to go on" count_is_over "$(counted)"
	[ ! -e "$T/count.failed" ] || die "the counter: $(cat "$T/count.failed")"
}
count_up 2>/dev/null &
counter=$!
for ((g = 1; g <= GROUPS_WANTED; g++)); do
	count_goes_on
	S=$(snapshot_uuid "$g")
	ctl --json snapshot create "v0:$S" "v1:$S" --name "group-$g" --group "$(snapshot_uuid $((g + 1000)))" |
		jq .held_us >>"$T/held.group"
done

# ---------------------------------------------------------------- one that refuses
for step in prepare held; do
	ctl filter attach v1 "inject,refuse_event=$step"
	! ctl snapshot create "v0:$(snapshot_uuid 90)" "v1:$(snapshot_uuid 90)" --name no >"$T/refused" 2>&1 || die "it was made"
	grep -q inject "$T/refused" || die "the refusal names nobody: $(cat "$T/refused")"
	[ "$(snapshot_count v0)$(snapshot_count v1)" = "$GROUPS_WANTED$GROUPS_WANTED" ] || die "a part of a refused group is there"
	count_goes_on
	ctl filter detach v1 inject
done
touch "$T/stop"
wait "$counter"
[ ! -e "$T/count.failed" ] || die "the counter: $(cat "$T/count.failed")"

# ---------------------------------------------------------------- what each group holds
count_of() {
	local n words=()
	for ((n = 1; n <= 250; n++)); do words+=("$(printf 'check 0 8 0x%02x' "$n")"); done
	scsi "$1" "${words[@]}" | grep -n '^good' | cut -d: -f1
}
for ((g = 1; g <= GROUPS_WANTED; g++)); do
	S=$(snapshot_uuid "$g")
	volume_new "a$g" --datastore d0 --size 16M --snapshot-of "v0:$S"
	volume_new "b$g" --datastore d1 --size 16M --snapshot-of "v1:$S"
	lun_sluice a 1 $((g * 2 + 10)) "a$g"
	lun_sluice a 1 $((g * 2 + 11)) "b$g"
	first=$(count_of "$(url a 1 $((g * 2 + 10)))")
	second=$(count_of "$(url a 1 $((g * 2 + 11)))")
	# v0's count is v1's, or one ahead: nothing else is a point that there was.
	[ "$first" = "$second" ] || [ "$first" = $((second % 250 + 1)) ] ||
		die "group $g: v0 has count ${first:-none}, v1 has ${second:-none}"
done
note "I/O was held for $(held_max group) us at most"
