#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# The configuration document knows key providers and keys by their names and never what opens them: it compares with
# itself, and on an appliance whose database is lost it makes both again, the key being the one that its provider has.
# The metrics know how providers and keys are.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"

PASS='correct horse battery staple'
key_is() { api_ok GET /keys/main >/dev/null && [ "$(jget .state)" = "$1" ]; }
metric() {
	api GET /metrics >"$T/metrics"
	grep -qF "$1" "$T/metrics" || die "no metric '$1': $(grep -E '^sluice_(key|locked)' "$T/metrics")"
}

policyd_start
head -c 64 /dev/urandom >"$T/unlock.key"
chmod 400 "$T/unlock.key"
api_ok POST /key-providers "{\"name\":\"stick\",\"type\":\"native\",\"opened_by\":\"key_file\",\"opened_from\":\"$T/unlock.key\"}" >/dev/null
task_done
api_ok POST /key-providers "{\"name\":\"vault\",\"type\":\"native\",\"opened_by\":\"passphrase\",\"passphrase\":\"$PASS\"}" >/dev/null
task_done
api_ok POST /keys '{"name":"main","provider":"stick","description":"for all"}' >/dev/null
task_done
api_ok POST /keys/main/rotate >/dev/null
task_done
metric 'sluice_key_provider_up{provider="stick"} 1'
metric 'sluice_keys{state="active"} 1'
metric 'sluice_locked_volumes 0'

api_ok GET /config >"$T/config.json"
jq -e '.key_providers | map(.name) == ["stick", "vault"]' "$T/config.json" >/dev/null || die "providers: $(cat "$T/config.json")"
jq -e '.keys[0] | .name == "main" and .provider == "stick" and (.provider_key_id | length) > 0' "$T/config.json" >/dev/null ||
	die "keys: $(cat "$T/config.json")"
jq -e '[.key_providers[] | has("passphrase") or has("client_key") or has("client_key_sealed")] | any | not' "$T/config.json" >/dev/null ||
	die "a secret in the document: $(cat "$T/config.json")"
id=$(jq -r '.keys[0].provider_key_id' "$T/config.json")
api_ok POST /config/diff "$(cat "$T/config.json")" >/dev/null
[ "$(jget .is_same)" = true ] || die "it differs from itself: $(cat "$T/api.body")"
jq -c '.keys[0].description = "for some"' "$T/config.json" >"$T/changed.json"
api_ok POST /config/apply "$(cat "$T/changed.json")" >/dev/null
api_ok GET /keys/main >/dev/null
[ "$(jget .description)" = 'for some' ] || die "it was not changed: $(cat "$T/api.body")"

note "the database is lost, the keystores are not"
policyd_stop
rm -f "$T"/policy/*.db* "$T"/policy/*.sqlite* "$T"/policy/generation* 2>/dev/null || true
find "$T/policy" -maxdepth 1 -type f ! -name '*.key' ! -name '*seal*' -delete
policyd_start
api_ok GET /keys >/dev/null
[ "$(jget .total)" = 0 ] || die "the database was not lost: $(cat "$T/api.body")"
# A keystore that a passphrase opens is made known by who knows it; nothing else can be.
api_refused 422 POST /config/apply "$(cat "$T/config.json")" >/dev/null
[ "$(jget .field)" = 'key_providers[1].passphrase' ] || die "what is missing: $(cat "$T/api.body")"
api_ok POST /key-providers "{\"name\":\"vault\",\"type\":\"native\",\"opened_by\":\"passphrase\",\"passphrase\":\"$PASS\"}" >/dev/null
task_done
api_ok POST /config/apply "$(cat "$T/config.json")" >/dev/null
wait_until 20 "the key to be taken over" key_is active
[ "$(jget '.versions[0].provider_key_id')" = "$id" ] || die "another key: $(cat "$T/api.body")"
chmod 000 "$T/unlock.key"
mv "$T/unlock.key" "$T/elsewhere.key"
policyd_stop
policyd_start
is_down() { api GET /metrics >"$T/metrics" && grep -qF 'sluice_key_provider_up{provider="stick"} 0' "$T/metrics"; }
wait_until 20 "the metric of a keystore that cannot be opened" is_down
policyd_stop
