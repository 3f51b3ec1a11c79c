#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A volume and its clone whose manifests are lost open again, with every write and every snapshot, once the repair was
# told to do what it said; one whose newest layer is lost becomes what its last snapshot holds. Until then neither
# opens, and nothing is changed.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/snapshot.sh"
expect_error "could not be opened"
one_lun_on_files 16M
ONE=$(snapshot_uuid 1) TWO=$(snapshot_uuid 2)
scsi_expect "$URL" "write 0 8 0xa1" good
snapshot_new v0 "$ONE" one
scsi_expect "$URL" "write 0 8 0xa2" good
scsi_expect "$URL" "write 64 8 0xb2" good
snapshot_new v0 "$TWO" two
scsi_expect "$URL" "write 0 8 0xa3" good
ctl snapshot clone v0 "$ONE" copy
adm a --op delete --mode logicalunit --tid 1 --lun 1

# is_repaired VOLUME WORDS LUN OPTION...  what is wrong with it is said, by WORDS too; then it serves again as LUN.
is_repaired() {
	local volume=$1 words=$2 lun=$3
	shift 3
	! "$@" 2>"$T/refused" || die "$volume was opened"
	grep -q repair "$T/refused" || die "the refusal does not say what to do: $(cat "$T/refused")"
	(cd "$T/d0" && printf "%s\n" *) >"$T/before"
	ctl snapshot repair "$volume" >"$T/steps"
	grep -q "$words" "$T/steps" || die "the plan does not say '$words': $(cat "$T/steps")"
	(cd "$T/d0" && printf "%s\n" *) | cmp - "$T/before" || die "the plan changed something"
	ctl snapshot repair "$volume" --apply >"$T/done"
	diff "$T/steps" "$T/done" || die "something else was done than said"
	"$@"
	lun_sluice a 1 "$lun" "$volume"
}

ctl volume close v0
rm "$T/d0/v0.layers"
is_repaired v0 "its copy takes its place" 1 ctl volume open v0
scsi_expect "$URL" "check 0 8 0xa3" good
scsi_expect "$URL" "check 64 8 0xb2" good
snapshots_are v0 2 || die "v0 has $(snapshot_count v0) snapshots, not 2"

# A clone that was never opened: as a plain image it would be zeros.
volume_new copy --datastore d0 --size 16M --has-image
ctl volume close copy
rm "$T/d0/copy.layers"
is_repaired copy "its copy takes its place" 2 ctl volume open copy
scsi_expect "$(url a 1 2)" "check 0 8 0xa1" good
scsi_expect "$(url a 1 2)" "check 64 8 0" good

adm a --op delete --mode logicalunit --tid 1 --lun 1
ctl volume close v0
newest=$(find "$T/d0" -name 'v0.l*.map' | sort -V | tail -n 1)
rm "$newest"
is_repaired v0 "what was written later is lost" 1 ctl volume open v0
scsi_expect "$URL" "check 0 8 0xa2" good
scsi_expect "$URL" "check 64 8 0xb2" good
snapshots_are v0 2 || die "v0 has $(snapshot_count v0) snapshots, not 2"
ctl snapshot revert v0 "$ONE" --yes
scsi_expect "$URL" "check 0 8 0xa1" good
scsi_expect "$URL" "check 64 8 0" good
