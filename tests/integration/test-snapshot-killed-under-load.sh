#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 2400 s
#
# kill -9 of the serving filterd while snapshots of a group of three volumes, on different workers and datastores, are
# made, deleted and merged, reverted to, and cloned, under a verifying load: nothing acknowledged is lost, a group is all
# or nothing, what was answered for is there, and every volume, snapshot and clone is what it was before or after, as a
# whole. KILLS=200 for the long form.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/snapshot.sh"
need_tools verify_load
KILLS=${KILLS:-8}
VOLUMES=(v0 v1 v2) # load on the first two; the third has content that is known as a whole
PLACES=(0 8000 32000 65528)

another_child_than() { local now; now=$(filterd_child); [ -n "$now" ] && [ "$now" != "$1" ]; }
all_serve() { [ "$(ctl --json status | jq '[.volumes[] | select(.state != "serving")] | length')" = 0 ]; }
no_record_is_left() { [ -z "$(ls "$STATE_DIR/groups" 2>/dev/null)" ]; }
state_of() { ctl --json snapshot list "$1" | jq -r ".items[] | select(.snapshot == \"$2\") | .state"; }
is_gone() { [ -z "$(state_of "$1" "$2")" ]; }

expect_error "ended by signal 9|crash loop"
WORKERS=2 filterd_start
datastore_dir d0 --worker 0
datastore_dir d1 --worker 1
volume_new v0 --datastore d0 --size 32M
volume_new v1 --datastore d1 --size 32M
volume_new v2 --datastore d1 --size 32M
tgtd_start a
target_new a 1
lun_sluice a 1 1 v0
lun_sluice a 1 2 v1
lun_sluice a 1 3 v2
load_start load0 --depth 8 --zero --seed "$KILLS" --max-stall-ms 20000 "$(url a 1 1)"
load_start load1 --depth 8 --zero --seed "$((KILLS + 1))" --max-stall-ms 20000 "$(url a 1 2)"

# ---------------------------------------------------------------- content that is known

hex() { printf '0x%02x' "$1"; }
# write_all BYTE, and what v2 then holds.
write_all() {
	local at words=()
	for at in "${PLACES[@]}"; do words+=("write $at 8 $(hex "$1")"); done
	scsi "$(url a 1 3)" "${words[@]}" | grep -v '^good' && die "a write failed"
	HELD=$1
}
# holds_all LUN BYTE - all of its places
holds_all() {
	local at words=()
	for at in "${PLACES[@]}"; do words+=("check $at 8 $(hex "$2")"); done
	[ "$(scsi "$(url a 1 "$1")" "${words[@]}" | grep -c '^good')" = ${#PLACES[@]} ]
}
declare -A BYTE=() # of each snapshot of v2 that is there
# shows_all NAME BYTE WHAT - the volume, for a moment a LUN, holds that; then it goes.
shows_all() {
	lun_sluice a 1 9 "$1"
	holds_all 9 "$2" || die "$3 is not what it was, as a whole"
	adm a --op delete --mode logicalunit --tid 1 --lun 9
	wait_until 20 "$1 to be deleted" ctl volume delete "$1" --yes
}
any_snapshot() { printf '%s\n' "${!BYTE[@]}" | shuf -n 1; }
check_a_snapshot() {
	local s
	s=$(any_snapshot)
	volume_new shown --datastore d1 --size 32M --snapshot-of "v2:$(snapshot_uuid "$s")"
	shows_all shown "${BYTE[$s]}" "snapshot $s"
}

# ---------------------------------------------------------------- one kill

# killed COMMAND... - is begun, and the child is killed in the middle of it; sets WAS_ANSWERED (1, or empty).
killed() {
	local child asking
	child=$(filterd_child)
	ctl "$@" >"$T/answer" 2>&1 &
	asking=$!
	sleep "$(printf '0.%03d' $((RANDOM % ${KILL_WITHIN_MS:-120})))"
	kill -KILL "$child"
	WAS_ANSWERED=
	! wait "$asking" || WAS_ANSWERED=1
	wait_until 20 "another serving child" another_child_than "$child"
	wait_until 20 "all volumes to serve" all_serve
	answered=$((answered + ${WAS_ANSWERED:-0}))
}

kill_snapshot() { # NUMBER
	local s n=0 v members=()
	s=$(snapshot_uuid "$1")
	write_all $(($1 % 250 + 1))
	for v in "${VOLUMES[@]}"; do members+=("$v:$s"); done
	killed snapshot create "${members[@]}" --name "kill-$1" --group "$(snapshot_uuid $(($1 + 100000)))"
	for v in "${VOLUMES[@]}"; do is_gone "$v" "$s" || n=$((n + 1)); done
	[ "$n" = 0 ] || [ "$n" = 3 ] || die "kill $1: $n of 3 volumes have the group's snapshot"
	[ -z "$WAS_ANSWERED" ] || [ "$n" = 3 ] || die "kill $1: the snapshot was answered for, and is not there"
	[ "$n" = 0 ] || BYTE[$1]=$HELD
}

kill_delete() { # NUMBER; kills while it is marked or merged
	local s v
	s=$(any_snapshot)
	for v in v0 v1; do ctl snapshot delete "$v" "$(snapshot_uuid "$s")"; done
	KILL_WITHIN_MS=400 killed snapshot delete v2 "$(snapshot_uuid "$s")"
	for v in v0 v1; do
		[ "$(state_of "$v" "$(snapshot_uuid "$s")")" != ready ] || die "kill $1: $v forgot that its snapshot is deleted"
	done
	if [ "$(state_of v2 "$(snapshot_uuid "$s")")" = ready ]; then
		[ -z "$WAS_ANSWERED" ] || die "kill $1: v2 forgot that its snapshot is deleted"
		ctl snapshot delete v2 "$(snapshot_uuid "$s")"
	fi
	unset "BYTE[$s]"
}

kill_revert() { # NUMBER
	local s
	s=$(any_snapshot)
	write_all $(($1 % 250 + 1))
	killed snapshot revert v2 "$(snapshot_uuid "$s")" --yes
	if holds_all 3 "${BYTE[$s]}"; then
		HELD=${BYTE[$s]}
	elif [ -n "$WAS_ANSWERED" ]; then
		die "kill $1: the revert was answered for, and v2 is not what snapshot $s holds"
	fi
}

kill_clone() { # NUMBER
	local s full=()
	s=$(any_snapshot)
	[ $(($1 / 4 % 2)) = 0 ] || full=(--full)
	killed snapshot clone v2 "$(snapshot_uuid "$s")" "copy$1" "${full[@]}"
	[ -n "$WAS_ANSWERED" ] || ctl snapshot clone v2 "$(snapshot_uuid "$s")" "copy$1" "${full[@]}" ||
		die "kill $1: what is left of a clone is in the way"
	volume_new "copy$1" --datastore d1 --size 32M --has-image
	shows_all "copy$1" "${BYTE[$s]}" "the clone of snapshot $s"
}

# ---------------------------------------------------------------- many

first_snapshot() { # NUMBER
	write_all $(($1 % 250 + 1))
	ctl snapshot create "v0:$(snapshot_uuid "$1")" "v1:$(snapshot_uuid "$1")" "v2:$(snapshot_uuid "$1")" --name "first-$1" \
		>/dev/null
	BYTE[$1]=$HELD
}
answered=0 operations=(snapshot revert clone delete)
for ((kill = 1; kill <= KILLS; kill++)); do
	# As many as are deleted are made, but for those that a kill prevents.
	[ ${#BYTE[@]} -ge 2 ] || first_snapshot $((kill + 1000)) || die "no snapshot before kill $kill"
	"kill_${operations[kill % 4]}" "$kill"
	holds_all 3 "$HELD" || die "kill $kill: v2 is neither what it was nor what it should be"
	check_a_snapshot
	load_moves load0 50
	load_moves load1 50
done

for s in "${!BYTE[@]}"; do
	for v in "${VOLUMES[@]}"; do ctl snapshot delete "$v" "$(snapshot_uuid "$s")"; done
done
load_end load0 180
load_end load1 180
for v in "${VOLUMES[@]}"; do wait_until 120 "all of $v to be merged" snapshots_are "$v" 0; done
holds_all 3 "$HELD" || die "v2 is not what it was before its snapshots were merged"
wait_until 30 "no record of a group to be left" no_record_is_left
note "$KILLS kills, $answered requests were answered for before"
