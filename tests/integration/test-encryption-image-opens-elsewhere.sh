#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# What was written over iSCSI is in the image as another implementation of XTS says it must be, byte for byte, with
# sectors of 512 and of 4096 bytes; the stock cryptsetup reads the header and takes the key; a wrong key opens nothing;
# discarded blocks are holes below and zeros above.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
command -v qemu-io >/dev/null || skip "qemu-io is not installed; apt-get install qemu-utils qemu-block-extra"
command -v cryptsetup >/dev/null || skip "cryptsetup is missing; apt-get install cryptsetup-bin"

# pattern FILE MIB  a file of random data, each MiB other.
pattern() { head -c $(($2 << 20)) /dev/urandom >"$1"; }
qio() { timeout 60 qemu-io -f raw -d unmap -t none "$@" "$URL" >"$T/io.out" 2>&1 || die "qemu-io: $(cat "$T/io.out")"; }

check_volume() { # NAME LUN SECTOR_BYTES
	local url got=$T/$1.got
	url=$(url a 1 "$2")
	URL=$url
	truncate -s 32M "$T/$1.plain"
	pattern "$T/piece" 5
	dd if="$T/piece" of="$T/$1.plain" bs=1M seek=3 conv=notrunc status=none
	qio -c "write -s $T/piece 3M 5M"
	# Small and odd ones, of the volume's own blocks.
	for at in 0 40960 9437184 33550336; do
		head -c "$3" /dev/urandom >"$T/piece"
		dd if="$T/piece" of="$T/$1.plain" bs="$3" seek=$((at / $3)) conv=notrunc status=none
		qio -c "write -s $T/piece $at $3"
	done
	qio -c "discard 4M 1M" -c "write -z 6M 64k" -c flush
	dd if=/dev/zero of="$T/$1.plain" bs=1M seek=4 count=1 conv=notrunc status=none
	dd if=/dev/zero of="$T/$1.plain" bs=64k seek=96 count=1 conv=notrunc status=none
	timeout 60 qemu-img convert -f raw -O raw "$url" "$got"
	cmp "$got" "$T/$1.plain" || die "$1: what is read is not what was written"
	note "$1: $(raw_matches "$1" kek "$3" "$T/$1.plain")" || die "$1: the image is not what it must be"
	[ "$(du -k "$T/d0/$1.img" | cut -f1)" -lt 8192 ] || die "$1: holes are not holes below"
}

encrypted_lun 32M
encrypted_volume v4 32M --block-bytes 4096
lun_sluice a 1 2 v4
wait_until 10 "both LUNs" lun_is_ready "$(url a 1 2)"
check_volume v0 1 512
check_volume v4 2 4096

# The stock tool decrypts a copy in place, in its own words: all of the image is written first, since it knows no holes.
decrypts_with_stock_tools() { # NAME LUN
	URL=$(url a 1 "$2")
	pattern "$T/$1.plain" 32
	qio -c "write -s $T/$1.plain 0 32M" -c flush
	cp "$T/d0/$1.img" "$T/$1.copy"
	cp "$T/d0/$1.img.luks" "$T/$1.header"
	if ! cryptsetup reencrypt --batch-mode --decrypt --force-offline-reencrypt --header "$T/$1.header" \
		--key-file "$T/keys/kek" "$T/$1.copy" 2>"$T/stock.err"; then
		note "cryptsetup cannot decrypt in place here: $(tail -n 1 "$T/stock.err")"
		return 0
	fi
	cmp "$T/$1.copy" "$T/$1.plain" || die "$1: the stock tool decrypts it to something else"
	note "$1: cryptsetup has decrypted it in place to the same bytes"
}
decrypts_with_stock_tools v0 1
decrypts_with_stock_tools v4 2

key_new other
cryptsetup luksDump --header "$HEADER" "$IMAGE" | tee "$T/dump" | grep -A5 -E "^Data segments|^Tokens|^Version"
grep -q "cipher: aes-xts-plain64" "$T/dump" || die "luksDump does not show the cipher"
cryptsetup open --test-passphrase --header "$HEADER" --key-file "$T/keys/kek" "$IMAGE" || die "the key does not open it"
! cryptsetup open --test-passphrase --header "$HEADER" --key-file "$T/keys/other" "$IMAGE" 2>/dev/null ||
	die "another key opens it"
cmp "$HEADER" "${HEADER}backup" || die "the backup is not the header"
