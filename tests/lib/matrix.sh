# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # variables for the tests that source this
#
# matrix.sh - volumes with any combination of replication, encryption, cache and I/O control, on two appliances. Source it
# after harness.sh; it brings two.sh, replica.sh and encryption.sh.
#
# A row is a word of letters, or "none":
#   r  replication, in sync with the other appliance, going on alone when that is lost
#   x  encryption above replication: "allow filters before encryption" is false
#   y  encryption below it: the property is true
#   c  write-back cache with its log on flash
#   i  I/O control with a reservation, on a datastore that it watches
#
#   MATRIX_ROWS                 all of them
#   has ROW LETTER
#   row_words ROW               for people
#   matrix_start [LIMIT]        appliances a and b, paired, and the switch to a (see replica.sh); datastore d0 and flash on each;
#                               LIMIT: d0 is a tmpfs of that size
#   matrix_volume ROW NAME TID SIZE   the volume on a (and on b with r) as LUN 1 of target TID; 1 and the reason in
#                               $T/refused if the product refuses the combination
#   matrix_ready ROW NAME NODE  it serves there, in sync if it is replicated
#   unlocked_on NODE NAME       gives NODE the key $KEY for the volume, once it waits for it
#   disk NODE TID               its iscsi:// URL for the test itself
#   replicate_row ROW NAME PRIMARY SECONDARY   attaches the replication to both sides
# Secrets are test keys in $T/keys; $KEY names the one in use.
# shellcheck source=tests/lib/two.sh
. "$ROOT/tests/lib/two.sh"
# shellcheck source=tests/lib/replica.sh
. "$ROOT/tests/lib/replica.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
# shellcheck source=tests/lib/replicated_key.sh
. "$ROOT/tests/lib/replicated_key.sh"
MATRIX_ROWS="none i c ci x xi xc xci y yi yc yci r ri rc rci rx rxi rxc rxci ry ryi ryc ryci"
CACHE_PARAMETERS=mode=write_back,flash_bytes=16777216,ram_bytes=4194304
IO_PARAMETERS=shares_level=high,reservation_iops=100
REPLICA_PARAMETERS='"mode":"sync","when_peer_is_lost":"continue"'
KEY=kek

has() { [[ $1 != none && $1 == *$2* ]]; }
is_encrypted() { has "$1" x || has "$1" y; }
nodes_of() { if has "$1" r; then echo "b a"; else echo a; fi; }
row_words() {
	local words=()
	! has "$1" r || words+=(replication)
	! has "$1" x || words+=("encryption above")
	! has "$1" y || words+=("encryption below")
	! has "$1" c || words+=(cache)
	! has "$1" i || words+=("io_control")
	[ ${#words[@]} -gt 0 ] || words=("no filter")
	printf '%s' "${words[0]}"
	[ ${#words[@]} -eq 1 ] || printf ', %s' "${words[@]:1}"
	echo
}

matrix_start() {
	local n
	# shellcheck disable=SC2119
	two_start
	key_new kek
	key_new new
	for n in a b; do
		mkdir -p "$T/$n/d0" "$T/$n/flash"
		if [ -n "${1:-}" ]; then
			mount -t tmpfs -o "size=$1" tmpfs "$T/$n/d0"
			at_exit "umount -l $T/$n/d0"
		fi
		# Some kernels open files of a tmpfs without O_DIRECT.
		ctl_on "$n" datastore add d0 --type dir --path "$T/$n/d0" ${1:+--buffered} >/dev/null
		ctl_on "$n" datastore filter-set d0 cache "flash_path=$T/$n/flash" flash_bytes=1G ram_bytes=256M >/dev/null
		ctl_on "$n" datastore filter-set d0 io_control enabled=true threshold_mode=manual threshold_us=20000 >/dev/null
	done
	switch_start a
}
disk() { echo "iscsi://$(address_of "$1"):3260/$IQN:two.$2/1"; }

# The same UUID on both sides: it is one disk.
volume_on() {
	ask_on "$1" "{\"request\":\"volume.create\",\"name\":\"$2\",\"datastore\":\"d0\",\"size_bytes\":$(numfmt --from=iec "$4"),
		\"uuid\":\"$(printf '6f1c2f7e-53d5-4a0c-9a39-%012d' "$3")\"}" >"$T/made.json"
}
encrypt_on() { # NODE ROW NAME; with x the replica's header comes from the primary
	local property=false
	! has "$2" y || property=true
	ctl_on "$1" filter attach "$3" "encryption,key_id=$KEY,allow_filters_before=$property" >/dev/null
	wait_until 10 "$1 to have looked for a header of $3" state_of_key "$1" "$3" unformatted
	if [ "$1" = a ] || has "$2" y; then
		enc_on "$1" "$3" format "{\"key_id\": \"$KEY\"}" "$KEY" >"$T/format.json" || die "format of $3 failed"
	fi
}
state_of_key() { [ "$(enc_on "$1" "$2" status 2>/dev/null | jq -r .state)" = "$3" ]; }
waits_for_key() { [ "$(enc_on "$1" "$2" status 2>/dev/null | jq -r .state)" != unformatted ]; }
unlocked_on() {
	wait_until 30 "$1 to have found its header of $2" waits_for_key "$1" "$2"
	state_of_key "$1" "$2" unlocked || enc_on "$1" "$2" unlock '' "$KEY" >/dev/null ||
		die "$1 does not open $2 with its key: $(cat "$T/reply")"
	wait_until 20 "$1 to have $2 unlocked" state_of_key "$1" "$2" unlocked
}
cache_on() { ctl_on "$1" filter attach "$2" "cache,$CACHE_PARAMETERS,destage_age_ms=300" >/dev/null; }

replicate_row() {
	local VOL=$2 REPL_GROUP
	REPL_GROUP=$(printf '%s' "$2" | md5sum | cut -c1-32)
	replica_attach "$4" "$3" secondary "$REPLICA_PARAMETERS"
	replica_attach "$3" "$4" primary "$REPLICA_PARAMETERS"
}
matrix_filters() {
	local row=$1 name=$2 n
	for n in $(nodes_of "$row"); do
		! is_encrypted "$row" || encrypt_on "$n" "$row" "$name"
		! has "$row" c || cache_on "$n" "$name"
		! has "$row" i || ctl_on "$n" filter attach "$name" "io_control,$IO_PARAMETERS" >/dev/null
	done
	! has "$row" r || replicate_row "$row" "$name" a b
}
matrix_volume() {
	local n
	for n in $(nodes_of "$1"); do
		volume_on "$n" "$2" "$3" "$4"
	done
	(matrix_filters "$1" "$2") 2>"$T/refused" || return 1
	for n in $(nodes_of "$1"); do
		lun_on "$n" "$3" "$2"
	done
}
status_of() { # NODE NAME FILTER JQ
	ctl_on "$1" --json volume show "$2" | jq -r ".volume.filters[] | select(.filter == \"$3\").status | $4"
}
status_is() { [ "$(status_of "$1" "$2" "$3" "$4" 2>/dev/null)" = "$5" ]; }
matrix_ready() {
	local VOL=$2
	! has "$1" c || wait_until 30 "write-back of $2" status_is "$3" "$2" cache .state serving
	! has "$1" r || wait_until 60 "$2 to be in sync" repl_is "$3" .state primary_pair
	! is_encrypted "$1" || wait_until 20 "$2 to be unlocked" state_of_key "$3" "$2" unlocked
}
