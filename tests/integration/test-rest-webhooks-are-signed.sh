#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# Events reach a webhook at least once, in order, signed; one that fails is tried again, also by the next policyd;
# only allowed destinations are asked; the secret is shown once.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"

receiver_start() { start_bg receiver python3 "$ROOT/tests/lib/webhook_receiver.py" 18080 "$T/secret" "$T/received" "$T/refuse"; }
received() { grep -c . "$T/received" 2>/dev/null || true; }
has_received() { grep -q "\"kind\":\"$1\"" "$T/received"; }
hook_says() {
	api GET /webhooks/here >/dev/null
	jq -e "$1" "$T/api.body"
}

start_appliance egress
: >"$T/received"
api_refused 422 POST /webhooks '{"name":"bad","url":"ftp://here/"}' >/dev/null
api_refused 422 POST /webhooks '{"name":"bad","url":"https://user:pw@here/"}' >/dev/null
api_ok POST /webhooks '{"name":"here","url":"http://127.0.0.1:18080/hook","min_severity":"info","kinds":["host.*","webhook.test"]}' >/dev/null
jget .secret >"$T/secret"
[ "$(wc -c <"$T/secret")" = 65 ] || die "the secret: $(cat "$T/api.body")"
api_ok GET /webhooks/here >/dev/null
grep -qE 'secret' "$T/api.body" && die "the secret is shown again: $(cat "$T/api.body")"
receiver_start

# not allowed yet: said, and nothing was sent
host_make one iqn.2026-01.test:one
wait_until 20 "the refusal to be noted" hook_says '.failures >= 1 and .last_status != ""'
[ "$(received)" = 0 ] || die "something was sent to where nothing may be sent"
api_refused 422 PUT /settings/egress_allow '{"value":"all"}' >/dev/null
api_refused 404 PUT /settings/nothing '{"value":1}' >/dev/null
api_refused 403 PUT /settings/iqn_base '{"value":"iqn.2026-01.x:y"}' >/dev/null
api_ok PUT /settings/egress_allow '{"value":["http://127.0.0.1:18080"]}' >/dev/null
api_ok PATCH /webhooks/here '{"is_enabled":true}' >/dev/null
wait_until 20 "the first delivery" has_received host.created
wait_until 10 "the success to be noted" hook_says '.failures == 0 and .last_status == "200" and .last_event_id > 0'

api_ok POST /webhooks/here/test >/dev/null
task_done
has_received webhook.test || die "no test came: $(cat "$T/received")"

# while it fails, events wait; also through a kill of policyd
touch "$T/refuse"
host_make two iqn.2026-01.test:two
wait_until 20 "the failure to be noted" hook_says '.failures >= 1 and .last_status == "503"'
api_ok POST /webhooks/here/test >/dev/null
task_ended "$(jget .task_id)" failed
policyd_kill
rm "$T/refuse"
policyd_start
api_ok PATCH /webhooks/here '{"is_enabled":true}' >/dev/null
wait_until 20 "the event from before the kill" grep -q '"name":"two"' "$T/received"
# the clock was set back: an attempt of tomorrow does not make it wait until then
policyd_stop
python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    db.execute("UPDATE webhooks SET last_attempt_ms = last_attempt_ms + 86400000")' "$T/policy/sluice.db"
policyd_start
host_make four iqn.2026-01.test:four
wait_until 20 "an event after the clock was set back" grep -q '"name":"four"' "$T/received"
# volumes' events are not wanted; every one that came was signed
volume_make v0 16777216
host_make three iqn.2026-01.test:three
wait_until 20 "the last event" grep -q '"name":"three"' "$T/received"
grep -q '"kind":"volume' "$T/received" && die "an event that was not asked for"
grep -q 'BAD' "$T/received" && die "a delivery with a bad signature: $(cat "$T/received")"
python3 - "$T/received" <<'END' || die "not in order: $(cat "$T/received")"
import json, sys
ids = [json.loads(line)["id"] for line in open(sys.argv[1]) if '"kind":"host' in line]
sys.exit(ids != sorted(ids))
END
api_ok DELETE /webhooks/here >/dev/null
policyd_stop
stop_daemons
