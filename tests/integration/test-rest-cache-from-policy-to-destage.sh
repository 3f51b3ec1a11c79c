#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 150 s
#
# A write-back cache by policy: it waits for a place for its log and says so; what only the cache has is shown, flushed,
# and given up only by its exact amount; a change of its mode brings all of it down first; hits are measured.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
MIB=1048576

knows_cache() { api GET /filters/cache >/dev/null && [ "$STATUS" = 200 ]; }
is_there() { api GET "$1" >/dev/null && [ "$STATUS" = 200 ]; }
cache_is() { api_ok GET /volumes/v0/cache >/dev/null && jq -e "$1" "$T/api.body"; }
as_one() { printf '%s\n' "${@:2}" | timeout 30 "$(tool scsi_sh)" --name "$INITIATOR" --limit-ms 10000 "$1"; }
expect_all_good() { ! grep -v '^good' <<<"$1" || die "not all was good: $1"; }

start_appliance
wait_until 30 "the cache to be known" knows_cache
for sample in read-cache write-back-cache; do
	wait_until 30 "the policy $sample" is_there "/policies/$sample"
	[ "$(jget .is_bundled)" = true ] || die "$sample is not bundled"
	api_refused 403 PATCH "/policies/$sample" '{"description":"mine"}' >/dev/null
done
api_ok POST /policies '{"name":"mine","clone_of":"write-back-cache"}' >/dev/null
api_ok PATCH /policies/mine '{"rules":[{"filter":"cache","parameters":{"mode":"write_back","flash_bytes":"32M","ram_bytes":"8M",
	"destage_age_ms":"3600000"}}]}' >/dev/null
host_make one "$INITIATOR"
volume_make v0 $((64 * MIB)) '"hosts":["one"]'

note "a datastore without flash: said, and nothing is done"
api_ok PUT "/volumes/v0/policy?dry_run=1" '{"policy":"mine"}' >/dev/null
[ "$(jq -c '[.plan[].step]' "$T/api.body")" = '[]' ] || die "steps without flash: $(cat "$T/api.body")"
api_ok PUT /volumes/v0/policy '{"policy":"mine"}' >/dev/null
task_ended "$(jget .task_id)" failed
jq -e '.error_text | test("datastore main has no flash") and test("flash_path=")' "$T/task.json" >/dev/null || die "$(cat "$T/task.json")"
api_ok GET /volumes/v0 >/dev/null
jq -e '.compliance | .status == "non_compliant" and (.causes[0] | test("flash_path"))' "$T/api.body" >/dev/null ||
	die "compliance: $(cat "$T/api.body")"
api_refused 409 POST /volumes/v0/cache/flush >/dev/null

note "with flash it comes by itself, and into no other volume"
volume_make plain $((16 * MIB))
mkdir -p "$T/flash"
api_refused 422 PUT /datastores/main/filters/cache '{"parameters":{"flash_byte":1}}' >/dev/null
api_refused 422 PUT /datastores/main/filters/cache "{\"parameters\":{\"flash_path\":\"/$(printf 'x%.0s' {1..300})\"}}" >/dev/null
[ "$(jget .field)" = parameters.flash_path ] || die "the field: $(cat "$T/api.body")"
sluice datastore filter set main cache "flash_path=$T/flash" flash_bytes=1G ram_bytes=64M >"$T/set.out" || die "$(cat "$T/set.out")"
serves() { cache_is '.mode == "write_back" and .state == "serving" and .flash.log_bytes > 0'; }
wait_until 30 "the cache to serve" serves
settled
[ "$(api_ok GET /volumes/v0 | jq -r .compliance.status)" = compliant ] || die "$(cat "$T/api.body")"
[ "$(api_ok GET /volumes/plain/chain | jq -c .filters)" = '[]' ] || die "a cache that nobody asked for: $(cat "$T/api.body")"
api_ok GET /datastores/main/filters >/dev/null
jq -e --arg path "$T/flash" '.items[0].parameters | .flash_path == $path and .flash_bytes == "1073741824"' "$T/api.body" >/dev/null ||
	die "parameters: $(cat "$T/api.body")"

note "in a document, there and back"
api_ok GET /config >"$T/export.json"
jq -e --arg path "$T/flash" '.datastores[0].filters[0].parameters.flash_path == $path' "$T/export.json" >/dev/null || die "the export"
jq -c '.prune = true' "$T/export.json" >"$T/document.json"
api_ok POST /config/diff "@$T/document.json" >/dev/null
[ "$(jget .is_same)" = true ] || die "an export differs from itself: $(cat "$T/api.body")"

note "what only the cache has"
URL=$(lun_url v0)
expect_all_good "$(as_one "$URL" "write 0 2048 0x31" "write 4096 2048 0x32")"
dirty() { cache_is '.dirty_bytes == 2097152'; }
wait_until 10 "2 MiB to be dirty" dirty
seen() { api_ok GET /volumes/v0/stats >/dev/null && jq -e '.dirty_bytes == 2097152' "$T/api.body"; }
wait_until 10 "the figures" seen
api_ok GET /metrics >"$T/metrics"
grep -q '^sluice_volume_dirty_bytes{volume="v0"} 2097152' "$T/metrics" || die "no metric"
sluice top --once >"$T/top.out"
head -n 1 "$T/top.out" | finds -E 'HITS +DIRTY +THROTTLE +LAG' || die "top: $(cat "$T/top.out")"
grep -E '^v0 ' "$T/top.out" | finds ' 2M ' || die "top: $(cat "$T/top.out")"
sluice cache show v0 >"$T/show.out"
grep -qE '^dirty: +2M' "$T/show.out" || die "show: $(cat "$T/show.out")"

note "given up only by its amount"
api_refused 422 POST /volumes/v0/cache/drop '{"dirty_bytes":2097151}' | finds "dirty_bytes 2097152" || die "the amount is not named"
sluice cache drop v0 --yes >"$T/drop.out" 2>&1 && die "dropped without a word"
grep -q -- "--dirty-bytes" "$T/drop.out" || die "drop: $(cat "$T/drop.out")"
[ "$(api_ok GET /volumes/v0/cache | jq .dirty_bytes)" = 2097152 ] || die "something went: $(cat "$T/api.body")"

note "on a terminal the amount is shown, and the name asked for"
printf 'v1\n' | script -qec "$B/bin/sluice --socket $POLICYD_SOCKET cache drop v0" /dev/null >"$T/drop.out" 2>&1 && die "another name will do"
grep -q "2097152 bytes (2M)" "$T/drop.out" || die "the amount is not shown: $(cat "$T/drop.out")"
[ "$(api_ok GET /volumes/v0/cache | jq .dirty_bytes)" = 2097152 ] || die "something went: $(cat "$T/api.body")"

note "flush"
sluice cache flush v0 >/dev/null || die "cache flush"
clean() { cache_is '.dirty_bytes == 0'; }
wait_until 10 "nothing to be dirty" clean
expect_all_good "$(as_one "$URL" "check 0 2048 0x31" "check 4096 2048 0x32")"

note "a drop that was meant"
expect_all_good "$(as_one "$URL" "write 0 8 0x33")"
some_dirty() { cache_is '.dirty_bytes == 4096'; }
wait_until 10 "4 KiB to be dirty" some_dirty
printf 'v0\n' | script -qec "$B/bin/sluice --socket $POLICYD_SOCKET cache drop v0" /dev/null >"$T/drop.out" 2>&1 || die "$(cat "$T/drop.out")"
wait_until 10 "nothing to be dirty" clean
expect_all_good "$(as_one "$URL" "write 0 8 0x33")"
wait_until 10 "4 KiB to be dirty" some_dirty
sluice cache drop v0 --dirty-bytes 4096 --yes >/dev/null || die "cache drop"
wait_until 10 "nothing to be dirty" clean
api_ok GET "/events?kind=cache.drop" >/dev/null
jq -e '.items[0].text | test("4096 bytes")' "$T/api.body" >/dev/null || die "no event: $(cat "$T/api.body")"
api_ok GET "/audit?object_name=v0" >/dev/null
jq -e '[.items[] | select(.path | endswith("/cache/drop"))] | length >= 3' "$T/api.body" >/dev/null || die "no audit row"

note "another mode: what is dirty goes down first, under I/O"
expect_all_good "$(as_one "$URL" "write 0 2048 0x34")"
api_ok PATCH /policies/mine '{"rules":[{"filter":"cache","parameters":{"mode":"write_through","ram_bytes":"8M"}}]}' >/dev/null
api_ok POST /policies/mine/apply '{}' >/dev/null
task_done
cache_is '.mode == "write_through" and .dirty_bytes == 0' >/dev/null || wait_until 10 "the mode" cache_is '.mode == "write_through" and .dirty_bytes == 0'
sluice cache warm v0 >/dev/null || die "cache warm"
for _ in 1 2 3; do expect_all_good "$(as_one "$URL" "check 0 2048 0x34")"; done
hit() { cache_is '.read_hits > 0 and .ram.used_bytes > 0'; }
wait_until 10 "hits" hit

note "none any more"
api_ok DELETE /volumes/v0/policy >/dev/null
task_done
[ "$(api_ok GET /volumes/v0/cache | jq -r .filter)" = null ] || die "$(cat "$T/api.body")"
expect_all_good "$(as_one "$URL" "check 0 2048 0x34" "check 4096 2048 0x32")"
policyd_stop
stop_daemons
