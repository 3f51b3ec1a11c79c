#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 400 s
# A snapshot of a replicated volume is on the replica, too, with the primary's content: in sync and in async mode, under
# load, with the cable out, with either side killed in between. Where it cannot be there the primary says so, and why. A
# deletion travels.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
. "$(dirname "$0")/../lib/snapshot.sh"
command -v qemu-img >/dev/null || skip "qemu-img is missing; install qemu-utils"
SIZE=32M

# v0 is replicated in sync mode, v1 in async mode.
use() {
	VOL=v$1
	REPL_GROUP=0123456789abcdef0123456789abcde$1
}
JOURNAL_BYTES=16777216
replica_pair $SIZE '"mode":"sync","when_peer_is_lost":"continue"'
use 1
for n in a b; do ctl_on $n volume create v1 --datastore d0 --size $SIZE >/dev/null; done
replica_attach b a secondary '"mode":"async"'
replica_attach a b primary '"mode":"async"'
lun_on a 1 v0
lun_on a 2 v1
load() { # VOLUME'S NUMBER SECONDS
	start_bg "load$1" nsenter --net="/proc/${NODE_PID[a]}/ns/net" -- "$(tool verify_load)" --seconds "$2" --depth 4 --zero \
		--mix read=2,write=6,unmap=1 --survive-reconnect "$(url_on a $(($1 + 1)))"
}
load_over() {
	wait_bg "load$1" 90
	[ "$RC" = 0 ] || die "load of v$1: $(tail -3 "$T/load$1.log")"
}
scribble() { # MiB PATTERN: into v1
	on a qemu-io -f raw -c "write -P $2 1M ${1}M" "$(url_on a 2)" >"$T/scribble" 2>&1 || die "writing: $(cat "$T/scribble")"
}
take() { # UUID NAME
	local i
	# A volume that another request has is a reason to ask again, not a fault.
	for i in 1 2 3 4 5; do
		ctl_on a snapshot create "$VOL:$1" --name "$2" >"$T/take" 2>&1 && return
		grep -q "try again" "$T/take" || break
		sleep 0.2
	done
	die "snapshot $2: $(cat "$T/take")"
}
state_of() { repl a "[.snapshots[] | select(.name == \"$1\")][0].state"; }
why_of() { repl a "[.snapshots[] | select(.name == \"$1\")][0].why"; }
state_is() { [ "$(state_of "$1" 2>/dev/null)" = "$2" ]; }
is_settled() { state_is "$1" on_replica || state_is "$1" lost; }
has() { ctl_on "$1" --json snapshot list "$VOL" | jq -e ".. | objects | select(.snapshot? == \"$2\" and .state != \"deleting\")" >/dev/null; }
has_not() { ! has "$1" "$2"; }

# What it holds, read over iSCSI from a volume that shows it.
SHOWN=10
hash_of() { # NODE UUID
	ctl_on "$1" volume create "show$SHOWN" --datastore d0 --size $SIZE --snapshot-of "$VOL:$2" >/dev/null
	lun_on "$1" $SHOWN "show$SHOWN"
	on "$1" qemu-img convert -f raw -O raw "$(url_on "$1" $SHOWN)" "$T/out" 2>"$T/convert" || die "reading: $(cat "$T/convert")"
	sha256sum <"$T/out" | cut -d' ' -f1
	rm -f "$T/out"
}
same() { # UUID NAME
	local there here
	SHOWN=$((SHOWN + 1)) # hash_of has a shell of its own
	here=$(hash_of a "$1")
	there=$(hash_of b "$1")
	[ -n "$here" ] || die "$VOL: snapshot $2 cannot be read"
	[ "$here" = "$there" ] || die "$VOL: snapshot $2 is $here on the primary and $there on the replica"
	echo "$here" >>"$T/hashes-$VOL"
}

# ---------------------------------------------------------------- under load
use 0
wait_until 60 "the pair" repl_is a .state primary_pair
use 1
wait_until 60 "the replica to be complete" repl_is b .is_consistent true
wait_until 60 "the resync to be over" repl_is a .resync.state idle
load 0 12
load 1 12
for i in 1 2 3; do
	for v in 0 1; do
		use $v
		take "$(snapshot_uuid $((100 * v + i)))" "s$i"
		wait_until 30 "s$i of $VOL to be settled" is_settled "s$i"
		state_is "s$i" on_replica || die "s$i of $VOL is not on the replica: $(why_of "s$i")"
	done
done
load_over 0
load_over 1
for v in 0 1; do
	use $v
	for i in 1 2 3; do same "$(snapshot_uuid $((100 * v + i)))" "s$i"; done
	[ "$(sort -u "$T/hashes-$VOL" | wc -l)" = 3 ] || die "the snapshots of $VOL are one: the load did nothing"
done

# ---------------------------------------------------------------- the cable out, the replica killed: it waits in the journal
use 1
cable_cut
scribble 2 17
take "$(snapshot_uuid 110)" cut
scribble 2 18
state_is cut pending || die "it cannot be there: $(state_of cut)"
expect_error 'the last sluice-filterd ended by|filter_hung'
kill_filterd_on b
cable_mend
filterd_on b
wait_until 60 "the snapshot to be settled" is_settled cut
state_is cut on_replica || die "lost: $(why_of cut)"
same "$(snapshot_uuid 110)" cut

# ---------------------------------------------------------------- the primary killed: right, or told
take "$(snapshot_uuid 111)" killed
kill_filterd_on a
filterd_on a
wait_until 60 "the snapshot to be settled" is_settled killed
if state_is killed on_replica; then
	same "$(snapshot_uuid 111)" killed
else
	note "the primary was killed: $(why_of killed)"
	has_not b "$(snapshot_uuid 111)" || die "the replica has what the primary says it has not"
fi

# ---------------------------------------------------------------- a deletion travels
ctl_on a snapshot delete v1 "$(snapshot_uuid 102)" >/dev/null 2>&1 && die "what a volume shows was deleted"
take "$(snapshot_uuid 112)" gone
wait_until 30 "it to be settled" is_settled gone
state_is gone on_replica || die "lost: $(why_of gone)"
ctl_on a snapshot delete v1 "$(snapshot_uuid 112)" >/dev/null
wait_until 30 "the replica to delete it" has_not b "$(snapshot_uuid 112)"

# ---------------------------------------------------------------- no point in time: told
cable_cut
overflowed() {
	scribble 8 $((RANDOM % 200 + 1))
	[ "$(repl a .dirty_bytes)" -gt 0 ]
}
wait_until 60 "the journal to be full" overflowed
take "$(snapshot_uuid 113)" gap
state_is gap lost || die "it says $(state_of gap)"
case $(why_of gap) in *"no point in time"*) ;; *) die "it says why: $(why_of gap)" ;; esac
cable_mend
brought_up() { [ "$(repl a .resync.state)$(repl a .dirty_bytes)$(repl b .is_consistent)" = idle0true ]; }
wait_until 60 "the resync" brought_up
has_not b "$(snapshot_uuid 113)" || die "the replica has it nevertheless"
take "$(snapshot_uuid 114)" after
wait_until 30 "it to be settled" is_settled after
state_is after on_replica || die "lost: $(why_of after)"
same "$(snapshot_uuid 114)" after
