#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# time limit: 180 s
#
# A replica that has grown, as it does before its primary, is promoted while the two are cut off. The former primary,
# smaller, still holds writes for its peer: it hears that another serves, answers them, grows and becomes the replica.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/two.sh"
. "$(dirname "$0")/../lib/replica.sh"
need_tools iscsi_bench
expect_error 'replication|not drained'

replica_pair 32M
wait_until 30 "the pair to be in sync" repl_is a .state primary_pair
lun_on a 1 v0
start_bg load on a timeout 170 "$(tool iscsi_bench)" --bytes 4096 --write-pct 100 --depth 8 --seconds 160 "$(url_on a 1)"
written() { [ "$(repl a .head_lsn)" -gt 200 ]; }
wait_until 30 "writes" written

ctl_on b volume grow v0 --size 48M >/dev/null
cable_cut
wait_until 40 "b to serve" promoted b '{"force":true}'
cable_mend
wait_until 60 "a to know that it is not the primary any more" repl_is a .state outdated
grown() { ctl_on a volume grow v0 --size 48M >/dev/null 2>&1; }
wait_until 60 "a to grow" grown
wait_until 60 "the pair" repl_is b .state primary_pair
kill_bg load KILL
cmp "$(image_of a)" "$(image_of b)" || die "the two sides differ"
