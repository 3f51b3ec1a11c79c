#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 150 s
#
# The flash of a write-back cache is lost: the volume waits instead of showing older data, event, alert, figures and
# "sluice status" say why; it goes on when the flash is back; what is lost for good is given up by its name.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
MIB=1048576
expect_error "cache|v0"

knows_cache() { api GET /filters/cache >/dev/null && [ "$STATUS" = 200 ]; }
as_one() { printf '%s\n' "${@:2}" | timeout 60 "$(tool scsi_sh)" --name "$INITIATOR" --limit-ms 4000 "$1"; }
cache_is() { api_ok GET /volumes/v0/cache >/dev/null && jq -e "$1" "$T/api.body"; }
alert_is() { api_ok GET "/alerts?rule=cache-degraded" >/dev/null && jq -e --arg state "$1" '.items | length > 0 and all(.state == $state)' "$T/api.body"; }
has_event() { api_ok GET "/events?kind=$1" >/dev/null && jq -e '.items | length > 0' "$T/api.body"; }
filterd_again() { filterd_stop && "$@" && filterd_start; }

start_appliance
wait_until 30 "the cache to be known" knows_cache
mkdir -p "$T/flash"
api_ok PUT /datastores/main/filters/cache "{\"parameters\":{\"flash_path\":\"$T/flash\",\"flash_bytes\":\"1G\"}}" >/dev/null
task_done
api_ok POST /policies '{"name":"wb","rules":[{"filter":"cache","parameters":{"mode":"write_back","flash_bytes":"32M","ram_bytes":"4M",
	"destage_age_ms":3600000}}]}' >/dev/null
host_make one "$INITIATOR"
volume_make v0 $((64 * MIB)) '"hosts":["one"],"policy":"wb"'
wait_until 20 "the cache to serve" cache_is '.state == "serving" and .mode == "write_back"'
URL=$(lun_url v0)
expect "a write" good "$(as_one "$URL" "write 0 2048 0x51" | tail -n 1)"
wait_until 10 "it to be dirty" cache_is '.dirty_bytes == 1048576'

note "the flash is away"
filterd_again mv "$T/flash" "$T/away"
wait_until 30 "the cache to say that it is degraded" cache_is '.state == "degraded" and (.state_text | length > 10)'
wait_until 30 "the alert" alert_is active
wait_until 30 "the event" has_event cache.degraded
[ "$(jget '.items[0].severity')" = error ] || die "the event: $(cat "$T/api.body")"
[[ $(as_one "$URL" "check 0 2048 0x51" 2>/dev/null | tail -n 1) != good ]] || die "read without its log"
[[ $(as_one "$URL" "check 0 2048 0" 2>/dev/null | tail -n 1) != good ]] || die "older data was shown"
sluice status >"$T/status.out" 2>&1 || true
grep -qi "v0.*degraded" "$T/status.out" || die "status: $(cat "$T/status.out")"
degraded_figures() { api_ok GET /volumes/v0/stats >/dev/null && [ "$(jget .state)" = degraded ]; }
wait_until 10 "the figures to say so" degraded_figures

note "the flash is back"
filterd_again mv "$T/away" "$T/flash"
wait_until 30 "the cache to serve" cache_is '.state == "serving"'
expect "what was acknowledged" good "$(as_one "$URL" "check 0 2048 0x51" | tail -n 1)"
wait_until 60 "the alert to end" alert_is cleared

note "the flash is lost for good"
filterd_again mv "$T/flash" "$T/lost"
mkdir "$T/flash"
wait_until 30 "the cache to say that it is degraded" cache_is '.state == "degraded"'
api_refused 422 POST /volumes/v0/cache/drop '{"dirty_bytes":1}' >/dev/null
api_ok POST /volumes/v0/cache/drop '{"unknown":true}' >/dev/null
task_done
wait_until 30 "the cache to serve again" cache_is '.state == "serving"'
expect "a write" good "$(as_one "$URL" "write 0 8 0x52" | tail -n 1)"
policyd_stop
stop_daemons
