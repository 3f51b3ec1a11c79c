# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2317 # for the tests that source this
#
# module.sh - a real tgtd with our module and, behind it, the smallest server (fake_filterd) in place of
# sluice-filterd: what is shown here is the module's doing alone. Sourced after harness.sh.
#
#   fake_start [hold]   at $RUN_DIR/ring.sock, disk in $T/disk.img; hold: claims reads and writes, never answers
#   fake_kill           kill -9
#   module_scene        tgtd, target, LUN of 64 MiB, $URL
need_module() {
	need_tools fake_filterd scsi_sh
	[ -e "$R/tgt/bs_sluice.so" ] || die "build/release/tgt/bs_sluice.so is missing; say: make"
	mkdir -p "$RUN_DIR"
	# The harness asks for the product; a test of the module alone needs the module alone.
	need_product() { :; }
}

fake_start() {
	: >"$T/fake.log"
	start_bg fake "$(tool fake_filterd)" "$RUN_DIR/ring.sock" "$T/disk.img" 64 "$@"
	wait_until 5 "fake_filterd to listen" grep -q ready "$T/fake.log"
}
fake_kill() { kill_bg fake KILL; }

module_scene() {
	tgtd_start a
	target_new a 1
	lun_sluice a 1 1 v0
	URL=$(url a 1 1)
}
