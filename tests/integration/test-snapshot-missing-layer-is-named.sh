#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# A volume whose layer is missing does not open, and says so; the repair says what it would do before it does it, and
# with the layer back all is as before.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/snapshot.sh"
expect_error "could not be opened"
one_lun_on_files 16M
scsi_expect "$URL" "write 0 8 0xa1" good
ctl snapshot create "v0:$(snapshot_uuid 1)" --name one >/dev/null
scsi_expect "$URL" "write 0 8 0xa2" good
[ "$(ctl snapshot repair v0)" = "nothing is to be done" ] || die "a sound volume is to be repaired"
adm a --op delete --mode logicalunit --tid 1 --lun 1
ctl volume close v0
snapshots_are v0 1 || die "the list of a closed volume"

layer=$(find "$T/d0" -name 'v0.l*' ! -name '*.map' ! -name '*.layers*' | head -n 1)
[ -n "$layer" ] || die "v0 has no layer: $(ls "$T/d0")"
mv "$layer" "$T/away"
! ctl volume open v0 2>"$T/refused" || die "a volume without a layer was opened"
note "$(tail -n 1 "$T/refused")"
[ "$(ctl --json snapshot list v0 | jq .is_degraded)" = true ] || die "the list does not say so"
ctl snapshot repair v0 >"$T/steps"
! grep -q "nothing is to be done" "$T/steps" || die "the repair sees nothing"
note "$(tail -n 1 "$T/steps")"
mv "$T/away" "$layer"
[ "$(ctl snapshot repair v0)" = "nothing is to be done" ] || die "what was only said was done"

ctl volume open v0
lun_sluice a 1 1 v0
scsi_expect "$URL" "check 0 8 0xa2" good
