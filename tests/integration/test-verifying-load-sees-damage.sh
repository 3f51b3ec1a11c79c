#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# The judge is judged: blocks of a plain tgt's image are torn, put back to an older state, moved and
# zeroed behind the load's back; verify_load must name each.
. "$(dirname "$0")/../lib/harness.sh"
need_tools verify_load
# No SCSI target below is atomic against concurrent commands, so only one command is in flight.
LOAD=(--depth 1 --mix "read=30,write=60,write_same=10" --blocks 2048)

tgtd_start a plain
target_new a 1
truncate -s 16M "$T/img"
lun_file a 1 1 "$T/img"
URL=$(url a 1 1)

# damaged KIND command...  runs a load, damages the image, and wants KIND to be counted.
damaged() {
	local kind=$1
	shift
	start_bg "$kind" "$(tool verify_load)" "${LOAD[@]}" --progress "$T/$kind.progress" --zero "$URL"
	wait_until 30 "the load to run" load_count_is_over "$kind" 4000
	"$@"
	kill -TERM "${PID_OF[$kind]}"
	wait_bg "$kind" 30
	[ "$RC" = 1 ] || die "verify_load ended with $RC after damage of kind $kind"
	[ "$(load_figure "$kind" "$kind")" -gt 0 ] || die "no $kind block among: $(tail -n 1 "$T/$kind.log")"
	note "$kind: $(load_figure "$kind" "$kind") blocks found"
	dd if=/dev/zero of="$T/img" bs=64K count=16 conv=notrunc status=none
}
put() { dd if="$1" of="$T/img" bs=512 seek="$3" skip="$2" count="$4" conv=notrunc status=none; }
tear_wide() { local b; for ((b = 0; b < 2048; b += 16)); do dd if=/dev/urandom of="$T/img" bs=64 seek=$((b * 8 + 3)) count=1 conv=notrunc status=none; done; }
older() { cp "$T/img" "$T/old"; load_moves lost 2000; put "$T/old" 0 0 2048; }
move() { cp "$T/img" "$T/old"; put "$T/old" 0 1024 1024; }

damaged torn tear_wide
damaged lost older
damaged misdirected move

# And without damage it finds nothing.
start_bg sound "$(tool verify_load)" "${LOAD[@]}" --seconds 2 "$URL"
wait_bg sound 30
[ "$RC" = 0 ] || die "verify_load found something where nothing was damaged: $(tail -n 3 "$T/sound.log")"
