#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A write-back volume whose log is gone after a restart does not serve the datastore's older copy: it is degraded and
# says so; it serves again when the log is back. Given up in so many words, it goes on with what the datastore has.
. "$(dirname "$0")/../lib/harness.sh"
need_tools verify_load
expect_error "cache_degraded|cache_flash_failed|cache_clean|cache_recovered|ended by signal 9"
member() { ctl --json volume show v0 | jq -r ".volume.filters[] | select(.filter == \"cache\").status.$1"; }
state_is() { [ "$(member state)" = "$1" ]; }
another_child_than() { local now; now=$(filterd_child); [ -n "$now" ] && [ "$now" != "$1" ]; }
mkdir "$T/flash" "$T/away"
filterd_start
datastore_dir d0
ctl datastore filter-set d0 cache "flash_path=$T/flash" flash_bytes=67108864 >/dev/null
volume_new v0 --datastore d0 --size 16M --filter cache,mode=write_back,flash_bytes=16777216,destage_age_ms=3600000
wait_until 20 write-back state_is serving
# Something dirty, by way of the transfer that fills a volume would settle; so by iSCSI.
tgtd_start a
target_new a 1
lun_sluice a 1 1 v0
load_start load --ops 200 --blocks 2048 --zero "$(url a 1 1)"
load_end load 60
[ "$(member dirty_bytes)" -gt 0 ] || die "nothing is dirty"
dirty=$(member dirty_bytes)
log=$(ls "$T"/flash/*.log)
kill -STOP "${PID_OF[filterd]}" # the watching parent, for as long as the log is moved
child=$(filterd_child)
kill -KILL "$child"
mv "$log" "$T/away/"
kill -CONT "${PID_OF[filterd]}"
wait_until 20 "another serving child" another_child_than "$child"
wait_until 20 "the degraded state" state_is degraded
member state_text | finds 'does not exist' || die "the text does not say what is missing: $(member state_text)"
! ctl filter command v0 cache drop >"$T/refused" 2>&1 || die "dirty data was dropped without a word"
! ctl filter set v0 cache,mode=write_through >>"$T/refused" 2>&1 || die "the mode was changed over dirty data"
note "refusals: $(tr '\n' ' ' <"$T/refused")"
mv "$T/away/"*.log "$log"
wait_until 20 "the log to be taken up again" state_is serving
[ "$(member dirty_bytes)" = "$dirty" ] || die "dirty: $(member dirty_bytes) bytes instead of $dirty"
! ctl filter command v0 cache drop dirty_bytes=1 >"$T/refused" 2>&1 || die "a wrong amount was taken"
grep -q "$dirty" "$T/refused" || die "the refusal does not name $dirty: $(cat "$T/refused")"
ctl filter command v0 cache drop "dirty_bytes=$dirty" >/dev/null
[ "$(member dirty_bytes)" = 0 ] || die "still dirty: $(member dirty_bytes)"
