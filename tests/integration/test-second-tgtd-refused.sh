#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# While reservations live in tgtd, a second tgtd on a volume that is not shared is refused, says so, and
# disturbs nobody.
. "$(dirname "$0")/../lib/harness.sh"
lun_is_ready_or_new() {
	lun_is_ready "$(url b 1 1)" || { lun_sluice b 1 1 v0 && lun_is_ready "$(url b 1 1)"; }
}

one_lun 64M
scsi_expect "$URL" "write 0 64 0xaaa" good
tgtd_start b
target_new b 1
if lun_sluice b 1 1 v0 >"$T/refusal" 2>&1; then
	answer=$(SCSI_LIMIT_S=20 timeout 25 "$(tool scsi_sh)" --raw --limit-ms 8000 "$(url b 1 1)" <<<$'tur\ntur\nwrite 0 64 0xbbb' || true)
	note "the second tgtd's LUN answers: ${answer//$'\n'/, }"
	expect "a write through the second tgtd" "@(check 2/*|busy*|timeout*|transport*)" "$(tail -n 1 <<<"$answer")"
fi
grep -hiE "another|second|already|shared" "$T/filterd.log" "$T/tgtd-b.log" "$T/refusal" | head -3 | grep . ||
	die "nobody said why the second tgtd is refused"
scsi_expect "$URL" "check 0 64 0xaaa" good

# The first one's end gives the volume free.
tgtd_kill a
wait_until 15 "the second tgtd to be let in" lun_is_ready_or_new
scsi_expect "$(url b 1 1)" "check 0 64 0xaaa" good
