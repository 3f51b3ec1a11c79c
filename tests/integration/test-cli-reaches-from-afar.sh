#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# sluice over HTTPS: only with a token, and only to the certificate that it was told.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$HERE/appliance.sh"

afar() { timeout -k 1 30 "$B/bin/sluice" --url "https://127.0.0.1:$WEB_PORT" "$@" 2>&1; }
# refused CODE "part" OPTION...
refused() {
	local code=$1 part=$2 said rc=0
	shift 2
	said=$(afar "$@") || rc=$?
	[ "$rc" = "$code" ] || die "'$*' ends with $rc instead of $code: $said"
	[[ $said == *"$part"* ]] || die "'$*' does not say '$part': $said"
}

start_appliance web
openssl s_client -connect "127.0.0.1:$WEB_PORT" </dev/null 2>/dev/null | openssl x509 >"$T/cert.pem"
PRINT=$(openssl x509 -in "$T/cert.pem" -noout -fingerprint -sha256 | cut -d= -f2)
OTHER=${PRINT//[0-9A-F]/0}
sluice token create t --role operator --expires-in 10m --json | jq -r .token >"$T/token"
sluice token create v --role viewer --expires-in 10m --json | jq -r .token >"$T/viewer"

refused 3 "--fingerprint" --token-file "$T/token" volume list
refused 3 "not trusted" --fingerprint "$OTHER" --token-file "$T/token" volume list
refused 1 "--token-file" --fingerprint "$PRINT" volume list
refused 0 "There is none." --fingerprint "$PRINT" --token-file "$T/token" volume list
lower=${PRINT//:/}
refused 0 "operator" --fingerprint "${lower,,}" --token-file "$T/token" whoami
refused 0 "volume.create v: done" --fingerprint "$PRINT" --token-file "$T/token" volume create v --size 1M --datastore main
refused 1 "whoami" --fingerprint "$PRINT" --token-file "$T/viewer" volume stop v
refused 0 "done" --fingerprint "$PRINT" --token-file "$T/token" volume stop v
head -c $((1 << 20)) /dev/urandom >"$T/in.raw"
refused 0 "done" --fingerprint "$PRINT" --token-file "$T/token" volume write v --input "$T/in.raw" --yes
refused 0 "" --fingerprint "$PRINT" --token-file "$T/token" volume read v --output "$T/out.raw"
cmp "$T/in.raw" "$T/out.raw" || die "what comes out over HTTPS is not what went in"
