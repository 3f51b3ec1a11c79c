#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 150 s
#
# A change that has to wait for a slow datastore says how much is left, is begun once, outlives policyd, and neither
# other volumes nor the volume's own hosts are kept waiting by it.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
MIB=1048576

knows_cache() { api GET /filters/cache >/dev/null && [ "$STATUS" = 200 ]; }
as_one() { printf '%s\n' "${@:2}" | timeout 60 "$(tool scsi_sh)" --name "$INITIATOR" --limit-ms 30000 "$1"; }
task_text() { task_state "$1" >/dev/null && jq -e --arg word "$2" '.text | test($word)' "$T/task.json"; }
cache_is() { api_ok GET /volumes/v0/cache >/dev/null && jq -e "$1" "$T/api.body"; }
rules() { # MODE WRITE_US
	echo "[{\"filter\":\"cache\",\"parameters\":{\"mode\":\"$1\",\"flash_bytes\":\"64M\",\"ram_bytes\":\"4M\",\"destage_age_ms\":3600000}},
		{\"filter\":\"delay\",\"parameters\":{\"write_us\":$2}}]"
}

start_appliance
wait_until 30 "the cache to be known" knows_cache
mkdir -p "$T/flash"
api_ok PUT /datastores/main/filters/cache "{\"parameters\":{\"flash_path\":\"$T/flash\",\"flash_bytes\":\"1G\"}}" >/dev/null
task_done
api_ok POST /policies "{\"name\":\"slow\",\"rules\":$(rules write_back 1200000)}" >/dev/null
host_make one "$INITIATOR"
volume_make v0 $((64 * MIB)) '"hosts":["one"],"policy":"slow"'
volume_make v1 $((64 * MIB)) '"hosts":["one"],"policy":"slow"'
settled
wait_until 20 "the cache to serve" cache_is '.state == "serving" and .mode == "write_back"'
URL=$(lun_url v0)
# scattered, so that no few large writes can bring it down
for at in $(seq 0 256 130816); do echo "write $at 8 0x41"; done | timeout 60 "$(tool scsi_sh)" --name "$INITIATOR" --limit-ms 30000 "$URL" >"$T/writes.out"
! grep -v '^good' "$T/writes.out" || die "the writes"
wait_until 20 "dirty data" cache_is '.dirty_bytes == 2097152'

note "the change waits, and says for what"
api_ok PATCH /policies/slow "{\"rules\":$(rules write_through 1200000)}" >/dev/null
api_ok PUT /volumes/v0/policy '{"policy":"slow"}' >/dev/null
change=$(jget .task_id)
wait_until 20 "the task to tell what is left" task_text "$change" "destaging, [0-9]+ bytes left"

note "another volume's change does not wait for it"
from=$(now_ms)
api_ok PUT /volumes/v1/policy '{"policy":"slow"}' >/dev/null
task_done
took=$(($(now_ms) - from))
task_is "$change" running || die "it took no time: nothing was shown ($(cat "$T/task.json"))"
[ "$took" -lt $((8000 * PATIENCE)) ] || die "the other volume's change took $took ms"

note "its own hosts are served, and come and go"
host_make two iqn.2026-01.test.client:two
api_ok PUT /volumes/v0/access '{"hosts":["one","two"]}' >/dev/null
binds_two() { adm a --op show --mode target | finds iqn.2026-01.test.client:two; }
wait_until 20 "the other host to be let in" binds_two
expect "a read meanwhile" good "$(as_one "$URL" "check 0 8 0x41" | tail -n 1)"

note "policyd goes and comes back in the middle of it"
policyd_kill
policyd_start
settled_well() { task_is "$change" succeeded; }
wait_until 90 "the change to end" settled_well
wait_until 10 "the mode" cache_is '.mode == "write_through" and .dirty_bytes == 0'
for at in 0 4096 130816; do
	expect "the data at $at" good "$(as_one "$URL" "check $at 8 0x41" | tail -n 1)"
done
[ "$(api_ok GET /volumes/v0 | jq -r .compliance.status)" = compliant ] || die "$(cat "$T/api.body")"
policyd_stop
stop_daemons
