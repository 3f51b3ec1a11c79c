# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# encryption.sh - encrypted volumes in a test. Sourced after harness.sh.
#
#   key_new NAME                     32 random bytes in $T/keys/NAME
#   encryption VOLUME COMMAND [ARGS-JSON [KEY...]]   a command to its filter; prints the reply
#   encryption_state VOLUME          unformatted, locked, unlocked or damaged
#   encrypted_lun SIZE [option...]   filterd, folder d0, encrypted volume v0 (key "kek"), tgtd, one LUN
#   raw_matches VOLUME KEY SECTOR_BYTES PLAIN-FILE   the image, decrypted by another implementation, is that file
python3 -c 'import cryptography' 2>/dev/null || skip "python3-cryptography is missing"
export IMAGE=$T/d0/v0.img
export HEADER=$IMAGE.luks

key_new() {
	mkdir -p "$T/keys"
	head -c 32 /dev/urandom >"$T/keys/$1"
}

encryption() {
	local volume=$1 command=$2 args=${3:-} keys=() k
	shift 2
	[ $# -eq 0 ] || shift
	for k in "$@"; do
		keys+=("$T/keys/$k")
	done
	[ ${#keys[@]} -eq 0 ] || cat "${keys[@]}" >"$T/keys/.passed"
	timeout -k 1 40 python3 "$ROOT/tests/tools/filterd_ask.py" "$RUN_DIR/filterd.sock" \
		"{\"request\": \"filter.command\", \"name\": \"$volume\", \"filter\": \"encryption\",
		\"command\": \"$command\", \"args\": ${args:-{\}}}" ${keys[0]:+"$T/keys/.passed"} >"$T/reply" || {
		jq -r '.error.text // .' "$T/reply" >&2
		return 1
	}
	jq .reply "$T/reply"
}

encryption_state() { encryption "$1" status | jq -r .state; }
encryption_is() { [ "$(encryption_state "$1" 2>/dev/null)" = "$2" ]; }

encrypted_volume() {
	local name=$1 size=$2
	shift 2
	volume_new "$name" --datastore d0 --size "$size" "$@"
	ctl filter attach "$name" encryption,key_id=kek >/dev/null
	wait_until 5 "the filter to have looked for a header" encryption_is "$name" unformatted
	encryption "$name" format '{"key_id": "kek"}' kek >"$T/format.json" || die "format failed"
}

encrypted_lun() {
	local size=$1
	shift
	key_new kek
	filterd_start
	datastore_dir d0
	encrypted_volume v0 "$size" "$@"
	tgtd_start a
	target_new a 1
	lun_sluice a 1 1 v0
	URL=$(url a 1 1)
	export URL
}

raw_matches() { python3 "$ROOT/tests/lib/xts_check.py" "$T/d0/$1.img" "$T/d0/$1.img.luks" "$T/keys/$2" "$3" "$4"; }
