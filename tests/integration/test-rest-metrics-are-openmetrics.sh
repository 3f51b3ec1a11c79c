#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# /metrics is well-formed OpenMetrics: each family once with TYPE and HELP, units in names, # EOF at the end.
# /readyz says which daemon is missing.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"

start_appliance
volume_make v0 16777216
has_volume() { api GET /metrics >/dev/null && grep -q '^sluice_volume_size_bytes{volume="v0"} 16777216' "$T/api.body"; }
wait_until 20 "v0 in the metrics" has_volume
grep -qi '^content-type: application/openmetrics-text' "$T/api.head" || die "content type: $(cat "$T/api.head")"
python3 "$ROOT/tests/lib/openmetrics.py" "$T/api.body" || die "the metrics are not well-formed"
grep -q '^sluice_daemon_up{daemon="filterd"} 1' "$T/api.body" || die "filterd is not up in the metrics"
api_ok GET /readyz >/dev/null
[ "$(jget .status)" = ready ] || die "not ready: $(cat "$T/api.body")"

filterd_stop
says_filterd() {
	api GET /readyz >/dev/null
	[ "$STATUS" = 503 ] && jq -e '.causes | join(" ") | test("sluice-filterd")' "$T/api.body"
}
wait_until 20 "/readyz to name filterd" says_filterd
api_ok GET /healthz >/dev/null
api_ok GET /system >/dev/null
[ "$(jget .status)" = error ] || die "system: $(cat "$T/api.body")"
jget .summary | finds 'sluice-filterd.*systemctl' || die "the sentence does not say what to do: $(jget .summary)"
filterd_start
is_ready() { api GET /readyz >/dev/null && [ "$STATUS" = 200 ]; }
wait_until 20 "being ready again" is_ready
policyd_stop
stop_daemons
