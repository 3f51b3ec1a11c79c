# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# replicated_key.sh - a volume that is encrypted above its replication, on two appliances. Source it after replica.sh and
# encryption.sh.
#
#   rekeyed_pair MODE SIZE [PARAMETERS]   a and b, volume v0 on each with encryption (keys "kek", "new"), formatted on a; in
#                                         sync, or the replica a point in time; LUN 1 on both
#   enc_on NAME VOLUME COMMAND [ARGS [KEY...]]   a command to the encryption there; enc_is NAME STATE
#   walk_status NAME        what is being changed there, or null
#   walk_is_past NAME MIB   so much of it is done; walk_is_over NAME
#   nothing_in_clear        the content of fill() is in no file of either appliance
#   fill NAME, filled NAME  writes 12 MiB of known content through the LUN; reads it again and compares
KEYED_UUID=6f1c2f7e-53d5-4a0c-9a39-0c39d0a5be01

enc_on() {
	# shellcheck disable=SC2034 # encryption() asks there
	local RUN_DIR=$T/$1/run
	shift
	encryption "$@"
}
enc_is() { [ "$(enc_on "$1" v0 status 2>/dev/null | jq -r .state)" = "$2" ]; }
qio_on() {
	local name=$1
	shift
	on "$name" timeout 60 qemu-io -f raw -t none "$@" "$(url_on "$name" 1)" >"$T/io/out" 2>&1
}
rekeyed_pair() {
	local n
	# shellcheck disable=SC2119
	two_start
	mkdir "$T/io"
	key_new kek
	key_new new
	for n in a b; do
		mkdir -p "$T/$n/d0"
		ctl_on $n datastore add d0 --type dir --path "$T/$n/d0" >/dev/null
		ask_on $n "{\"request\":\"volume.create\",\"name\":\"v0\",\"datastore\":\"d0\",\"size_bytes\":$(numfmt --from=iec "$2"),\"uuid\":\"$KEYED_UUID\"}" >/dev/null
		ctl_on $n filter attach v0 "encryption,key_id=kek,reencrypt_bytes_per_s=${WALK_BYTES_PER_S:-8388608}" >/dev/null
		wait_until 10 "$n to have looked for a header" enc_is $n unformatted
	done
	enc_on a v0 format '{"key_id": "kek"}' kek >"$T/format.json" || die "format failed"
	replica_attach b a secondary "\"mode\":\"$1\"${3:+,$3}"
	replica_attach a b primary "\"mode\":\"$1\"${3:+,$3}"
	if [ "$1" = sync ]; then
		wait_until 40 "the pair to be in sync" repl_is a .state primary_pair
	else
		wait_until 40 "the replica to be a point in time" repl_is b .is_consistent true
	fi
	wait_until 10 "a to serve" enc_is a unlocked
	lun_on a 1 v0
	lun_on b 1 v0
}
walk_status() { enc_on "$1" v0 status 2>/dev/null | jq -c .reencrypt; }
walk_is_past() { walk_status "$1" >"$T/walk-$1.json" && [ "$(jq -r '.done_bytes // 0' "$T/walk-$1.json")" -gt $(($2 << 20)) ]; }
walk_is_over() { [ "$(walk_status "$1")" = null ]; }
fill() {
	printf 'SLUICE-MARKER-%s' "$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')" >"$T/io/marker"
	{ yes "$(cat "$T/io/marker")" || true; } 2>/dev/null | head -c 12M >"$T/io/content"
	qio_on "$1" -c "write -s $T/io/content 8M 12M" -c flush || die "write: $(cat "$T/io/out")"
}
nothing_in_clear() {
	local f
	for f in a/d0/v0.img.rjournal a/d0/v0.img.rannex b/d0/v0.img.rstagea b/d0/v0.img.rannex b/d0/v0.img; do
		[ -s "$T/$f" ] || die "there is no $f, so nothing is proved"
	done
	! grep -rlaF --exclude-dir=io -- "$(cat "$T/io/marker")" "$T" || die "the marker is in these files in clear"
}
filled() {
	on "$1" timeout 60 qemu-img convert -f raw -O raw "$(url_on "$1" 1)" "$T/io/got" || die "$1 does not serve"
	cmp -n 12582912 -i 8388608:0 "$T/io/got" "$T/io/content" || die "$1 has other data"
}
