# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # $P, $S, $ROW are the test's, and so is what it reads
#
# matrix_columns.sh - what is shown of each combination, a function each. Source it after matrix.sh and conformance.sh.
#
# All are about volume v0, LUN 1 of target 1, of row $ROW; $P is who serves it, $S the other one. A column that needs load takes the
# one that runs or starts it ("loaded"); "quiet" ends it, which checks every block. Each column leaves the volume healthy. A
# column that a row does not have says why by "not_here"; $SAID is what it has to tell.
MATRIX_COLUMNS="conformance kill grow snapshot change handover failover rekey full flash peer key"
TOLERATED=
LOAD_BLOCKS=8192

loaded() {
	if [ -z "${PID_OF[load]:-}" ]; then
		switch_to "$P"
		TOLERATED=
		say "unmap 0 $LOAD_BLOCKS" # what others left there is not the load's
		load_start --sessions 1 --depth 4 --mix read=3,write=6,unmap=1,sync=1 --blocks $LOAD_BLOCKS
	fi
	load_advances 50
}
# Answers of the load that is under way that are no fault: all that begin so.
tolerate() {
	[ -n "$TOLERATED" ] && [[ $1 == "$TOLERATED"* ]] || TOLERATED=$1
}
quiet() {
	[ -z "${PID_OF[load]:-}" ] || load_stop "$TOLERATED"
	rm -f "$T/load.log"
}
not_here() {
	SAID=$1
	IS_HERE=
}
needs() { # LETTERS "why not"; any of them is enough
	local i
	for ((i = 0; i < ${#1}; i++)); do
		! has "$ROW" "${1:i:1}" || return 0
	done
	not_here "$2"
	return 1
}
# That the datastore fills up is told once to each session, with whatever it asks next.
THRESHOLD='check 6/38/07'
ask() {
	local answer i
	for i in 1 2 3; do
		answer=$(scsi "$(disk "$P" 1)" "$1")
		[[ $answer == "$THRESHOLD"* ]] || break
	done
	echo "$answer"
}
say() { expect "$1" good "$(ask "$1")"; }
another_child_on() { local now; now=$(filterd_child_on "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }
# Whoever serves waits for its key after it was promoted or started.
keyed() { ! is_encrypted "$ROW" || unlocked_on "$1" v0; }
# A replica that is encrypted below its replication needs its key to receive.
keyed_below() { ! has "$ROW" y || unlocked_on "$1" v0; }
in_step() { matrix_ready "$ROW" v0 "$P"; }
swap() {
	local other=$P
	P=$S S=$other
}

column_conformance() {
	quiet
	conformance_here "$CONFORMANCE" "$(disk "$P" 1)" "$(disk "$P" 1 | sed 's/:3260/:3261/')"
	SAID="$CONFORMING tests"
}

column_kill() {
	local signal child
	loaded
	for signal in KILL STOP; do
		child=$(filterd_child_on "$P")
		kill "-$signal" "$child"
		wait_until 30 "another serving child after SIG$signal" another_child_on "$P" "$child"
		load_advances 100
	done
	in_step
}

column_grow() {
	loaded
	SIZE_MIB=$((SIZE_MIB + 4))
	! has "$ROW" r || ctl_on "$S" volume grow v0 --size "${SIZE_MIB}M" >/dev/null
	ctl_on "$P" volume grow v0 --size "${SIZE_MIB}M" >/dev/null
	load_advances 100
	expect "the new size" "good blocks=$((SIZE_MIB * 2048)) *" "$(scsi "$(disk "$P" 1)" readcap)"
	say "write $((SIZE_MIB * 2048 - 8)) 8 0x61"
	say "check $((SIZE_MIB * 2048 - 8)) 8 0x61"
	in_step
}

take_snapshot() { ctl_on "$P" snapshot create "v0:$1" --name "$2" >/dev/null; }
no_snapshots() { [ "$(ctl_on "$P" --json snapshot list v0 | jq '.items | length')" = 0 ]; }
revert() { ctl_on "$P" snapshot revert v0 "$1" --yes; }
column_snapshot() {
	local first second
	first=$(printf '00000000-0000-4000-8000-%012d' 1)
	second=$(printf '00000000-0000-4000-8000-%012d' 2)
	loaded
	take_snapshot "$first" under-load
	load_advances 100
	quiet
	say "write 40960 8 0xa1"
	take_snapshot "$second" quiet
	say "write 40960 8 0xb1"
	if has "$ROW" r; then
		! revert "$second" 2>"$T/refused" || die "a replicated volume was reverted under its replica"
		grep -q "replication away" "$T/refused" || die "the refusal does not say what to do: $(cat "$T/refused")"
		ctl_on "$P" filter detach v0 replication >/dev/null
		ctl_on "$S" filter detach v0 replication >/dev/null
		revert "$second"
		replicate_row "$ROW" v0 "$P" "$S"
		in_step
		SAID="replication taken away for the revert, as its refusal says, and begun again"
	else
		revert "$second"
	fi
	say "check 40960 8 0xa1"
	ctl_on "$P" snapshot delete v0 "$second"
	ctl_on "$P" snapshot delete v0 "$first"
	wait_until 60 "the snapshots to be merged" no_snapshots
	say "check 40960 8 0xa1"
}

set_filter() { ctl_on "$P" filter set v0 "$1" >/dev/null; }
set_replication() { # both sides have the same settings
	local n
	for n in "$S" "$P"; do
		ask_on "$n" "{\"request\":\"filter.set\",\"name\":\"v0\",\"filter\":\"replication\",\"params\":{\"group\":\"$(printf v0 | md5sum | cut -c1-32)\",
			\"peer\":\"$([ "$n" = a ] && echo b || echo a)\",\"journal_bytes\":${JOURNAL_BYTES:-67108864},$1}}" >"$T/set.json"
	done
}
set_cache() {
	set_filter "cache,$1"
	wait_until 20 "the cache to serve after $1" status_is "$P" v0 cache .state serving
	[ -z "${PID_OF[load]:-}" ] || load_advances 50
}
column_change() {
	local property=false
	! has "$ROW" y || property=true
	loaded
	ctl_on "$P" filter attach v0 trace >/dev/null
	load_advances 50
	if has "$ROW" i; then
		set_filter io_control,shares_level=low,limit_iops=5000
		load_advances 50
		set_filter "io_control,$IO_PARAMETERS"
	fi
	if has "$ROW" c; then
		set_cache mode=write_around,ram_bytes=4194304
		set_cache "$CACHE_PARAMETERS,destage_age_ms=300"
	fi
	! is_encrypted "$ROW" || set_filter "encryption,key_id=$KEY,allow_filters_before=$property,reencrypt_bytes_per_s=$WALK_BYTES_PER_S"
	if has "$ROW" r; then
		set_replication '"mode":"async"'
		load_advances 50
		set_replication "$REPLICA_PARAMETERS"
	fi
	ctl_on "$P" filter detach v0 trace >/dev/null
	load_advances 50
	in_step
}

gives_over() { repl_say "$P" handover >"$T/handover.json" 2>"$T/given"; }
column_handover() {
	needs r "no replica to hand over to" || return 0
	loaded
	tolerate 'check 2/'
	in_step
	switch_to none
	wait_until 30 "$P to hand over" gives_over
	wait_until 30 "$S to have the role" repl_is "$S" .is_serving true
	keyed "$S"
	swap
	switch_to "$P"
	load_advances 100
	in_step
}

column_failover() {
	needs r "no replica to promote" || return 0
	loaded
	tolerate 'check 2/'
	in_step
	kill_filterd_on "$P"
	switch_to none
	wait_until 60 "$S to be promoted" promoted "$S" '{"force":true}'
	keyed "$S"
	swap
	switch_to "$P"
	load_advances 100
	filterd_on "$S"
	keyed_below "$S"
	in_step
	load_advances 50
}

walk_ended() { [ "$(enc_on "$P" v0 status | jq .walks_done)" -gt "$1" ]; }
column_rekey() {
	local other=new walks
	needs xy "no key" || return 0
	[ "$KEY" = kek ] || other=kek
	loaded
	walks=$(enc_on "$P" v0 status | jq .walks_done)
	enc_on "$P" v0 rekey_deep "{\"key_id\": \"$other\"}" "$KEY" "$other" >"$T/rekey.json" || die "the deep rekey did not begin: $(cat "$T/reply")"
	KEY=$other
	wait_until 90 "the deep rekey to end" walk_ended "$walks"
	load_advances 50
	in_step
	SAID="$SIZE_MIB MiB"
}

# With a log on flash a write is taken as long as that has room; without, it is refused at once.
column_full() {
	local taken=0 answer i
	quiet
	in_step
	head -c 4G /dev/zero >"$T/$P/d0/filler" 2>/dev/null || true
	for ((i = 0; i < 6; i++)); do
		answer=$(SCSI_LIMIT_S=$((60 * PATIENCE)) ask "write $((49152 + i * 2048)) 2048 $((i + 1))")
		[ "$answer" = good ] || break
		taken=$((taken + 1))
	done
	[ "$taken" = 6 ] || expect "a write on a full datastore" "check 7/27/07*" "$answer"
	has "$ROW" c || [ "$taken" -lt 6 ] || die "a full datastore took 6 MiB"
	rm "$T/$P/d0/filler"
	wait_until 30 "a write after there is room again" disk_takes "write 47104 8 0x71"
	for ((i = 0; i < taken; i++)); do
		say "check $((49152 + i * 2048)) 2048 $((i + 1))"
	done
	in_step
	if [ "$taken" = 6 ]; then SAID="the log took all"; else SAID="7/27/07"; fi
}
disk_takes() { [ "$(ask "$1")" = good ]; }

column_flash() {
	local child log answer
	needs c "no flash" || return 0
	quiet
	in_step
	set_cache "$CACHE_PARAMETERS,destage_age_ms=3600000"
	say "write 45056 64 0x81"
	[ "$(status_of "$P" v0 cache .dirty_bytes)" -gt 0 ] || die "nothing is dirty, so nothing is proved"
	log=$(echo "$T/$P"/flash/*.log)
	child=$(filterd_child_on "$P")
	kill -STOP "${PID_OF[filterd-$P]}" # the watching parent, for as long as the log is moved
	kill -KILL "$child"
	mkdir -p "$T/away"
	mv "$log" "$T/away/"
	kill -CONT "${PID_OF[filterd-$P]}"
	wait_until 30 "another serving child" another_child_on "$P" "$child"
	wait_until 30 "the cache to say that its log is gone" status_is "$P" v0 cache .state degraded
	answer=$(scsi "$(disk "$P" 1)" "check 45056 64 0x81" 2>&1 || true)
	[[ $answer != differs* ]] || die "older data was served: $answer"
	mv "$T/away/"*.log "$log"
	wait_until 30 "the log to be taken up again" status_is "$P" v0 cache .state serving
	in_step
	wait_until 30 "the volume to serve again" disk_takes "check 45056 64 0x81"
	set_cache "$CACHE_PARAMETERS,destage_age_ms=300"
}

column_peer() {
	needs r "no peer" || return 0
	loaded
	in_step
	ip link set "to-$S" down
	wait_until 30 "$P to miss $S" repl_is "$P" .peer_up false
	load_advances 100
	ip link set "to-$S" up
	in_step
	load_advances 50
}

column_key() {
	needs xy "no key" || return 0
	loaded
	tolerate 'check 2/'
	in_step
	kill_filterd_on "$P"
	filterd_on "$P"
	wait_until 30 "$P to wait for its key" state_of_key "$P" v0 locked
	[[ $(scsi "$(disk "$P" 1)" "read 0 8") != good* ]] || die "a locked volume is read"
	keyed "$P"
	load_advances 100
	in_step
}
