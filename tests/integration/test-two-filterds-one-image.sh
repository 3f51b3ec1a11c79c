#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# A second filterd cannot open an image that the first one serves; it says so and the first serves on.
. "$(dirname "$0")/../lib/harness.sh"
one_lun_on_files 64M
scsi_expect "$URL" "write 0 64 0x1111" good

cp -r "$STATE_DIR" "$T/state2"
mkdir "$T/run2"
start_bg filterd2 "$B/bin/sluice-filterd" --run-dir "$T/run2" --state-dir "$T/state2" --filter-dir "$FILTERS" --workers 1
ctl2() { timeout 10 "$B/bin/sluice-filterctl" --socket "$T/run2/filterd.sock" "$@"; }
wait_until 20 "the second filterd to answer" ctl2 status
ctl2 volume open v0 >"$T/open2" 2>&1 && die "the second filterd opened the image"
note "the second filterd says: $(tail -n 1 "$T/open2")"
grep -qiE "lock|another|in use" "$T/open2" "$T/filterd2.log" || die "no word about the lock"
scsi_expect "$URL" "check 0 64 0x1111" good
scsi_expect "$URL" "write 64 64 0x2222" good

# When the first lets go, the second may.
ctl volume close v0 >/dev/null
wait_until 15 "the second filterd to open the image" ctl2 volume open v0
kill_bg filterd2 TERM
[ "$RC" = 0 ] || die "the second filterd ended with status $RC"
