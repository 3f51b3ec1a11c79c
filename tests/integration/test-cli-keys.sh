#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# Keys by the command line: made, shown, rotated, carried elsewhere and destroyed; passphrases and certificates come from
# files and are shown by nothing.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
. "$(dirname "$0")/../lib/kmip.sh"

PASS='correct horse battery staple'
echo "$PASS" >"$T/passphrase"
echo 'words for the bundle alone' >"$T/words"
refused() {
	local rc=0
	sluice "$@" >"$T/refused" 2>&1 || rc=$?
	[ "$rc" != 0 ] || die "sluice $* was not refused"
}

kmip_certificates
policyd_start
sluice key-provider create vault --type native --opened-by passphrase --passphrase-file "$T/passphrase" >"$T/made"
! grep -q "$PASS" "$T/made" || die "the passphrase is shown"
sluice key create main --provider vault --description 'for all' >/dev/null
sluice key rotate main >/dev/null
sluice key show main | finds retired || die "key show: $(sluice key show main)"
sluice key list | finds -E '^main +vault +2 +active' || die "key list: $(sluice key list)"
sluice key-provider list | finds -E '^vault +native +ok' || die "key-provider list: $(sluice key-provider list)"
sluice key set main --description 'for some' >/dev/null
sluice key-provider export vault --file b --passphrase-file "$T/words" >/dev/null
sluice key-provider import vault --file b --passphrase-file "$T/words" >/dev/null
sluice key-provider unlock vault --passphrase-file "$T/passphrase" >/dev/null
refused key-provider unlock vault --passphrase-file "$T/words"
grep -q 'does not open it' "$T/refused" || die "a wrong passphrase: $(cat "$T/refused")"
sluice key-provider test vault >/dev/null
refused key destroy main </dev/null
grep -q -- --yes "$T/refused" || die "it does not say how: $(cat "$T/refused")"
sluice key destroy main --yes >/dev/null
refused key show main
sluice key create other --provider vault >/dev/null
sluice key delete other --yes >/dev/null
sluice key-provider set vault --description ours >/dev/null
sluice key-provider delete vault --yes >/dev/null

# Nobody is at that address; what counts is what the provider was made of.
refused key-provider create kms --type kmip --server 127.0.0.1:5696 --server 127.0.0.1:5697 --timeout-ms 500 \
	--ca-file "$KMIP_DIR/ca.pem" --certificate-file "$KMIP_DIR/client.pem" --key-file "$KMIP_DIR/client.key"
sluice --json key-provider show kms >"$T/kms.json"
jq -e --rawfile ca "$KMIP_DIR/ca.pem" '.ca_certificates == $ca and .has_client_key and (.servers | length) == 2' "$T/kms.json" >/dev/null ||
	die "kms: $(cat "$T/kms.json")"
! grep -q PRIVATE "$T/kms.json" || die "the private key is shown"
refused key-provider set kms --key-file "$KMIP_DIR/stranger.key"
grep -q 'not the key of' "$T/refused" || die "another key: $(cat "$T/refused")"
sluice key-provider delete kms --yes >/dev/null
policyd_stop
