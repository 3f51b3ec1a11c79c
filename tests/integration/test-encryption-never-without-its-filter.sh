#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 90 s
#
# An encrypted volume whose plan has lost the filter, or whose filter is not installed, is not served: nothing is read
# as noise, nothing is written in clear. With the filter back, all is there. Deleted, it leaves no header behind.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
expect_error "is encrypted|is not loaded"
state() { ctl --json volume show v0 | jq -r .volume.state; }
is() { [ "$(state)" = "$1" ]; }

encrypted_lun 64M
scsi_expect "$URL" "write 0 8 0x42" good
tgtd_kill a
filterd_stop
raw=$(sha256sum <"$IMAGE")
plan=$STATE_DIR/plan/volume-v0.json
cp "$plan" "$T/plan.kept"
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
ctl --json volume show v0 | jq -r .volume.reason | grep "is encrypted" || die "the reason does not say so"
filterd_stop

cp "$T/plan.kept" "$plan"
mkdir "$T/filters"
FILTERS=$T/filters filterd_start
wait_until 10 "the volume to be refused" is failed
filterd_stop
[ "$(sha256sum <"$IMAGE")" = "$raw" ] || die "the image has changed"

cp "$T/plan.kept" "$plan"
filterd_start
wait_until 10 "the volume" is serving
encryption v0 unlock '' kek >/dev/null
tgtd_start a
target_new a 1
lun_sluice a 1 1 v0
wait_until 10 "the LUN" lun_is_ready "$URL"
scsi_expect "$URL" "check 0 8 0x42" good

tgtd_kill a
ctl_delete() { ctl volume delete v0 --yes >"$T/deleted" 2>&1 || { tail -n 1 "$T/deleted"; return 1; }; }
wait_until 10 "the volume to be deleted" ctl_delete
[ -z "$(ls "$T/d0")" ] || die "left behind: $(ls "$T/d0")"
