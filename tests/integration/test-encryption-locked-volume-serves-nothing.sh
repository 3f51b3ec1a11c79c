#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A volume without its key answers NOT READY with a sense code of its own, and neither reads nor writes; a wrong key
# opens nothing and changes nothing; the right one brings the data back. So it is before the volume is formatted, after
# "lock", after filterd was stopped and started, and after the volume was erased. The filter cannot be taken away.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"

refused() { # "what" WORDS COMMAND...  it fails, and says why
	local what=$1 words=$2
	shift 2
	if "$@" >"$T/out" 2>"$T/refused"; then
		die "$what went well"
	fi
	grep -q -- "$words" "$T/refused" || die "$what: the refusal says: $(cat "$T/refused")"
}
# The first command takes the unit attention of a new session.
raw_scsi() { printf 'tur\n%s\n' "$1" | timeout 30 "$(tool scsi_sh)" --raw "$URL" | tail -n 1; }
serves_nothing() {
	for command in tur "read 0 8" "write 0 8 0x99" "unmap 0 8" "check 0 8 0x42"; do
		expect "$command" "check 2/74/71*" "$(raw_scsi "$command")"
	done
	# What is no medium access is answered.
	expect inquiry "good*" "$(raw_scsi inquiry)"
	[ "$(sha256sum <"$IMAGE")" = "$raw" ] || die "the image has changed"
}

key_new kek
key_new wrong
head -c 16 "$T/keys/wrong" >"$T/keys/half"
filterd_start
datastore_dir d0
volume_new v0 --datastore d0 --size 64M
tgtd_start a
target_new a 1
lun_sluice a 1 1 v0
URL=$(url a 1 1)
wait_until 10 "the LUN" lun_is_ready "$URL"
ctl filter attach v0 encryption >/dev/null
wait_until 5 "the filter to have looked for a header" encryption_is v0 unformatted
raw=$(sha256sum <"$IMAGE")
serves_nothing
refused "unlock before format" "no LUKS2 header" encryption v0 unlock '' wrong
refused "format without a key" "32 bytes of key" encryption v0 format

encryption v0 format '{"key_id": "kek-1"}' kek | jq -c . || die "format"
wait_until 10 "the LUN" lun_is_ready "$URL"
scsi_expect "$URL" "write 0 8 0x42" good
raw=$(sha256sum <"$IMAGE")
refused "detaching the filter of an encrypted volume" "the volume is encrypted" ctl filter detach v0 encryption
refused "a second format" "formatted already" encryption v0 format '' kek
scsi_expect "$URL" "check 0 8 0x42" good

encryption v0 lock >/dev/null
encryption_is v0 locked || die "it is $(encryption_state v0)"
serves_nothing
refused "a wrong key" "another key" encryption v0 unlock '' wrong
refused "half a key" "32 bytes are wanted" encryption v0 unlock "" half
serves_nothing
encryption v0 unlock '' kek >/dev/null
scsi_expect "$URL" "check 0 8 0x42" good

# Shallow rekey: the data stays, the old key does not.
key_new second
encryption v0 rekey_shallow '{"key_id": "kek-2"}' kek second | jq -r .key_id | finds -x kek-2 || die "rekey"
[ "$(sha256sum <"$IMAGE")" = "$raw" ] || die "a shallow rekey has changed data"
encryption v0 lock >/dev/null
refused "the old key" "another key" encryption v0 unlock '' kek
encryption v0 unlock '' second >/dev/null
scsi_expect "$URL" "check 0 8 0x42" good

filterd_stop
filterd_start
wait_until 10 "the volume to be locked" encryption_is v0 locked
serves_nothing
ctl events | finds encryption_locked || die "no event says that it waits for its key"
encryption v0 unlock '' second >/dev/null
scsi_expect "$URL" "check 0 8 0x42" good

refused "erase without a word" "confirm" encryption v0 erase
refused "erase of another volume" "confirm" encryption v0 erase '{"confirm": "v1"}'
scsi_expect "$URL" "check 0 8 0x42" good
encryption v0 erase '{"confirm": "v0"}' | jq -r .state | finds -x unformatted || die "erase"
for file in "$HEADER" "${HEADER}backup"; do
	[ ! -e "$file" ] || die "$file is left"
done
serves_nothing
refused "a format over the old data" "holds data" encryption v0 format '' kek
encryption v0 format '{"discard_data": true}' kek >/dev/null
scsi_expect "$URL" "check 0 8 0" good
encryption v0 erase '{"confirm": "v0"}' >/dev/null
ctl filter detach v0 encryption >/dev/null || die "the filter of an erased volume cannot be detached"
wait_until 10 "the LUN" lun_is_ready "$URL"
