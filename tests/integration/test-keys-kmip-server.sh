#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# Keys at a real KMIP server, through policyd and egressd: made, rotated, destroyed; and what goes wrong there, each in
# its own words: not allowed, down at start, down while running, the wrong certificate of either side, a key that was
# revoked or destroyed, answers that are late, cut or not KMIP, and a second server that takes over.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
. "$(dirname "$0")/../lib/kmip.sh"

provider_is() {
	api GET "/key-providers/$1" >/dev/null
	[ "$(jget .state)" = "$2" ]
}
provider_becomes() { wait_until "${3:-20}" "key provider $1 to be $2" provider_is "$1" "$2"; }
says() { jget .state_text | finds -- "$1" || die "it does not say '$1': $(cat "$T/api.body")"; }
key_is() {
	api GET "/keys/$1" >/dev/null
	[ "$(jget .state)" = "$2" ]
}
has_alert() {
	api GET "/alerts?rule=$1&object_name=$2&state=active" >/dev/null
	[ "$(jget .total)" -ge 1 ]
}
is_asking() { ss -Htn state established "dport = :$KMIP_PROXY_PORT" | finds .; }
second_answers() {
	provider_is far ok && jget .state_text | finds "127.0.0.1:$KMIP_PORT"
}
# provider_json NAME CLIENT SERVERS [MEMBERS]
provider_json() {
	jq -n --arg name "$1" --rawfile ca "$KMIP_DIR/ca.pem" --rawfile cert "$KMIP_DIR/$2.pem" \
		--rawfile key "$KMIP_DIR/$2.key" --argjson servers "$3" '{name: $name, type: "kmip", servers: $servers,
		ca_certificates: $ca, client_certificate: $cert, client_key: $key, timeout_ms: 1500}'
}
provider_make() {
	api_ok POST /key-providers "$(provider_json "$@")" >/dev/null
}
HERE="\"127.0.0.1:$KMIP_PORT\""
PROXY="\"127.0.0.1:$KMIP_PROXY_PORT\""

kmip_certificates
egressd_start
policyd_start

# ---- refusals
api_refused 422 POST /key-providers "$(provider_json kms client '["kmip://a:1"]')" >/dev/null
api_refused 422 POST /key-providers "$(provider_json kms client '[]')" >/dev/null
api_refused 422 POST /key-providers "$(provider_json kms client "[$HERE]" | jq '.client_key = "no key"')" >/dev/null
api_refused 422 POST /key-providers \
	"$(provider_json kms client "[$HERE]" | jq --rawfile k "$KMIP_DIR/client2.key" '.client_key = $k')" >/dev/null
api_refused 422 POST /key-providers "$(provider_json kms client "[$HERE]" | jq '.opened_by = "passphrase"')" >/dev/null

# ---- not allowed, and then down at start
provider_make kms client "[$HERE]"
task_ended "$(jget .task_id)" failed
provider_becomes kms refused
says egress_allow
grep -q BEGIN "$T/task.json" && die "a task shows a certificate"
api_ok PUT /settings/egress_allow "{\"value\":[\"kmip://127.0.0.1:$KMIP_PORT\",\"kmip://127.0.0.1:$KMIP_PROXY_PORT\"]}" >/dev/null
provider_becomes kms unreachable
says 'cannot be reached'
api_ok POST /keys '{"name":"one","provider":"kms"}' >/dev/null
ONE=$(jget .task_id)
wait_until 10 "the task to wait" bash -c "curl -s --unix-socket $POLICYD_SOCKET http://localhost/api/v1/tasks/$ONE | grep -q 'waiting for key provider'"
kmip_start
provider_becomes kms ok
says PyKMIP
task_done "$ONE"
key_is one active || die "one: $(cat "$T/api.body")"
ONE_ID=$(jget '.versions[0].provider_key_id')
[ "$(pykmip state "$ONE_ID")" = ACTIVE ] || die "the key is not active at the server"

# ---- rotated; destroyed
api_ok POST /keys/one/rotate >/dev/null
task_done
api_ok GET /keys/one >/dev/null
[ "$(jget '.versions | length')" = 2 ] || die "after rotating: $(cat "$T/api.body")"
api_ok POST /keys '{"name":"gone","provider":"kms"}' >/dev/null
task_done
api_ok GET /keys/gone >/dev/null
GONE_ID=$(jget '.versions[0].provider_key_id')
api_ok DELETE '/keys/gone?destroy=true&confirm=gone' >/dev/null
task_done
! pykmip state "$GONE_ID" | finds . || die "the destroyed key is still at the server"

# ---- down while running; policyd answers at once; it comes back
kmip_kill
api_ok POST /key-providers/kms/test >/dev/null
task_ended "$(jget .task_id)" failed
provider_becomes kms unreachable
ends_within 2 "a list while the server is down" curl -sf --unix-socket "$POLICYD_SOCKET" http://localhost/api/v1/keys
api_ok DELETE '/keys/one?destroy=true&confirm=one' >/dev/null
DESTROY=$(jget .task_id)
api_refused 409 POST /keys/one/rotate >/dev/null
kmip_start
provider_becomes kms ok
task_done "$DESTROY"
api_refused 404 GET /keys/one >/dev/null

# ---- revoked and destroyed at the server
for k in revoked destroyed; do
	api_ok POST /keys "{\"name\":\"$k\",\"provider\":\"kms\"}" >/dev/null
	task_done
	api_ok GET "/keys/$k" >/dev/null
	ID=$(jget '.versions[0].provider_key_id')
	pykmip revoke "$ID" || die "PyKMIP does not revoke $ID"
	[ "$k" = revoked ] || pykmip destroy "$ID" || die "PyKMIP does not destroy $ID"
done
api_ok POST /key-providers/kms/test >/dev/null
task_done
for k in revoked destroyed; do
	wait_until 10 "key $k to be $k" key_is "$k" "$k"
done
api_ok GET '/events?kind=key.unusable' >/dev/null
[ "$(jget .total)" = 2 ] || die "events: $(cat "$T/api.body")"

wait_until 30 "the alert about the revoked key" has_alert key-unusable revoked

# ---- a certificate that the server does not know, and a server that we do not trust
provider_make wrong stranger "[$HERE]"
task_ended "$(jget .task_id)" failed
provider_becomes wrong refused
says 'does not accept our certificate'
api_ok PATCH /key-providers/wrong "$(jq -n --rawfile c "$KMIP_DIR/client2.pem" --rawfile k "$KMIP_DIR/client2.key" \
	'{client_certificate: $c, client_key: $k}')" >/dev/null
provider_becomes wrong ok
api_ok PATCH /key-providers/wrong "$(jq -n --rawfile c "$KMIP_DIR/other.pem" '{ca_certificates: $c}')" >/dev/null
provider_becomes wrong refused
says 'is not trusted'
api_ok PATCH /key-providers/wrong "$(jq -n --rawfile c "$KMIP_DIR/ca.pem" '{ca_certificates: $c, server_name: "elsewhere.example"}')" >/dev/null
provider_becomes wrong refused
wait_until 10 "the wrong name to be said" bash -c "curl -s --unix-socket $POLICYD_SOCKET http://localhost/api/v1/key-providers/wrong | grep -qi mismatch"
api_ok DELETE /key-providers/wrong >/dev/null

# ---- another client's key is not ours
provider_make second client2 "[$HERE]"
task_done
api_ok GET /keys/revoked >/dev/null
api_ok POST /keys "{\"name\":\"stolen\",\"provider\":\"second\",\"provider_key_id\":\"$(jget '.versions[0].provider_key_id')\"}" >/dev/null
task_ended "$(jget .task_id)" failed
api_ok DELETE /keys/stolen >/dev/null
api_ok DELETE /key-providers/second >/dev/null

# ---- late, cut, garbled, silent; nobody else waits for it
kmip_proxy_start
provider_make far client "[$PROXY]"
task_done
for mode in hang cut garble 'slow 5000'; do
	kmip_mode "$mode"
	api_ok POST /key-providers/far/test >/dev/null
	task_ended "$(jget .task_id)" failed
	provider_becomes far unreachable
	note "$mode: $(jget .state_text)"
	provider_is kms ok || die "the other provider suffers: $(cat "$T/api.body")"
	kmip_mode pass
	provider_becomes far ok
done
kmip_mode slow 300
api_ok POST /keys '{"name":"slow","provider":"far"}' >/dev/null
task_done
kmip_mode pass

# ---- the second server of a list takes over, whether the first is not allowed or not there
api_ok PATCH /key-providers/far "{\"servers\":[\"127.0.0.1:5999\",$HERE]}" >/dev/null
wait_until 20 "the second server" second_answers
api_ok PUT /settings/egress_allow "{\"value\":[\"kmip://127.0.0.1:$KMIP_PORT\",\"kmip://127.0.0.1:5999\"]}" >/dev/null
kmip_kill
provider_becomes far unreachable
kmip_start
wait_until 20 "the second server again" second_answers
key_is slow active || die "slow: $(cat "$T/api.body")"

# ---- egressd goes and comes; policyd is killed
kill_bg egressd KILL
provider_becomes kms unreachable 30
egressd_start
provider_becomes kms ok
policyd_kill
policyd_start
provider_becomes kms ok
# ---- an end while a server hangs is no long one
kmip_mode hang
api_ok PUT /settings/egress_allow "{\"value\":[\"kmip://127.0.0.1:$KMIP_PORT\",\"kmip://127.0.0.1:$KMIP_PROXY_PORT\"]}" >/dev/null
api_ok PATCH /key-providers/far "{\"servers\":[$PROXY],\"timeout_ms\":30000}" >/dev/null
wait_until 10 "policyd to ask the one that hangs" is_asking
from=$(now_ms)
policyd_stop
[ $(($(now_ms) - from)) -lt $((4000 * PATIENCE)) ] || die "the end took $(($(now_ms) - from)) ms"

# ---- no key and no private key stands anywhere
while read -r hex; do
	for f in "$T/policy/sluice.db" "$T/policy/sluice.db-wal" "$T/policyd.log" "$T/egressd.log"; do
		[ ! -e "$f" ] || ! xxd -p "$f" | tr -d '\n' | finds -i "$hex" || die "a key stands in $f"
	done
done < <(python3 -c 'import sqlite3, sys
for (value,) in sqlite3.connect(sys.argv[1]).execute("SELECT value FROM managed_objects"):
    print(value.hex())' "$KMIP_DIR/kmip.db")
secret=$(sed -n 2p "$KMIP_DIR/client.key")
! grep -raF -- "$secret" "$T/policy" "$T/policyd.log" "$T/egressd.log" || die "the private key stands in a file"
stop_daemons
