#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A volume whose cache has acknowledged what the datastore does not have is not served without it: neither when its plan
# has lost the filter, nor when the filter is not installed, where it cannot be taken out of the plan either. Attached
# again to the closed volume, all is there. Deleted while it is dirty, the volume leaves nothing on flash.
. "$(dirname "$0")/../lib/harness.sh"
expect_error "acknowledged data|is not loaded|cache_recovered"
state() { ctl --json volume show v0 | jq -r .volume.state; }
is() { [ "$(state)" = "$1" ]; }
member() { ctl --json volume show v0 | jq -r ".volume.filters[] | select(.filter == \"cache\").status.$1"; }
is_serving() { [ "$(member state)" = serving ]; }
serve() {
	tgtd_start a
	target_new a 1
	lun_sluice a 1 1 v0
	URL=$(url a 1 1)
	wait_until 10 "the LUN" lun_is_ready "$URL"
}
mkdir "$T/flash" "$T/filters"
CACHE=cache,mode=write_back,flash_bytes=16777216,destage_age_ms=3600000
filterd_start
datastore_dir d0
ctl datastore filter-set d0 cache "flash_path=$T/flash" flash_bytes=67108864 >/dev/null
volume_new v0 --datastore d0 --size 16M --filter "$CACHE"
wait_until 20 write-back is_serving
# Detached in good order it leaves nothing that would have to be asked for.
volume_new v1 --datastore d0 --size 16M --filter "$CACHE"
ctl filter detach v1 cache >/dev/null
serve
scsi_expect "$URL" "write 0 8 0x42" good
[ "$(member dirty_bytes)" -gt 0 ] || die "nothing is dirty"
tgtd_kill a
filterd_stop
plan=$STATE_DIR/plan/volume-v0.json
cp "$plan" "$T/plan.kept"

FILTERS=$T/filters filterd_start
wait_until 10 "the volume to be refused" is failed
! ctl filter detach v0 cache >"$T/refused" 2>&1 || die "the filter was taken out of the plan, and its data with it"
filterd_stop

# A plan with a checksum that is right.
python3 - "$T/plan.kept" "$plan" <<'END'
import json, sys
text = open(sys.argv[1]).read()
plan = json.loads(text[:text.rindex("#sum")])
plan["volume"]["filters"] = []
text = json.dumps(plan) + "\n"
total = 0xCBF29CE484222325
for byte in text.encode():
    total = (total ^ byte) * 0x100000001B3 % 2**64
open(sys.argv[2], "w").write(f"{text}#sum {total:016x}\n")
END
filterd_start
wait_until 10 "the volume to be refused" is failed
[ "$(ctl --json volume show v1 | jq -r .volume.state)" = serving ] || die "v1 is not served, though it has no data elsewhere"
ctl --json volume show v0 | jq -r .volume.reason | grep "acknowledged data" || die "the reason does not say so"
ctl filter attach v0 "$CACHE" >/dev/null
ctl volume open v0 >/dev/null
wait_until 20 write-back is_serving
serve
scsi_expect "$URL" "check 0 8 0x42" good
[ "$(member dirty_bytes)" -gt 0 ] || die "it went down meanwhile"

tgtd_kill a
ctl_delete() { ctl volume delete v0 --yes >"$T/deleted" 2>&1 || { tail -n 1 "$T/deleted"; return 1; }; }
wait_until 10 "the volume to be deleted" ctl_delete
[ -z "$(ls "$T/flash")" ] || die "left behind: $(ls "$T/flash")"
