#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 60 s
#
# What the filters of a datastore share: one for its volumes, none of another datastore's, gone with the last of
# them; its parameters are set on the datastore, kept over a restart, and refused with a sentence.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/probe.sh"
expect_error "level_changed"
refused() {
	local part=$1 said
	shift
	said=$(ctl "$@" 2>&1) && die "'$*' is taken"
	[[ $said == *"$part"* ]] || die "'$*' says: $said"
}

filterd_with_probe group_probe
filterd_start
datastore_dir d0
datastore_dir d1
datastore_mem m0
[ "$(ctl --json filters | jq -c '.filters[] | select(.filter == "group_probe") | [.group_params[].name]')" = \
	'["level_pct","label","holds_io","dies_at_commit"]' ] || die "'filters' does not list the group's parameters"

# Before it is made.
group_is d0 .is_active false
group_is d0 .params.level_pct 7
ctl datastore filter-set d0 group_probe level_pct=20 label="a, b"
group_is d0 .params.level_pct 20
group_is d0 '.status | length' 0

# Two volumes of d0, one of d1, one in memory.
volume_new v0 --datastore d0 --size 16M --filter group_probe
volume_new v1 --datastore d0 --size 16M --filter group_probe
volume_new v2 --datastore d1 --size 16M --filter group_probe
volume_new v3 --datastore m0 --size 16M
ctl filter attach v3 group_probe
group_is d0 .status.volumes 2
group_is d0 .status.level_pct 20
group_is d1 .status.volumes 1
group_is d1 .status.level_pct 7
group_is m0 .status.volumes 1

# While it lives: in force, reported, of this datastore alone.
ctl datastore filter-set d0 group_probe level_pct=30
group_is d0 .status.level_pct 30
group_is d0 .params.label none
group_is d1 .status.level_pct 7
[ "$(ctl --json events | jq -c '.events[] | select(.kind == "level_changed") | [.datastore, .volume, .filter, .text]')" = \
	'["d0","","group_probe","the level of d0 is 30 %"]' ] || die "the event is not as it should be: $(ctl --json events)"
ctl events | finds "level_changed datastore d0 filter group_probe: the level" || die "$(ctl events)"

refused "13 brings bad luck; take 12 or 14" datastore filter-set d0 group_probe level_pct=13
refused "101 is outside 0 to 100" datastore filter-set d0 group_probe level_pct=101
refused "has no parameter 'speed'" datastore filter-set d0 group_probe speed=1
refused "parameter=value" datastore filter-set d0 group_probe level_pct
refused "say: datastore filter-set" datastore filter-set d0
refused "is not loaded" datastore filter-set d0 nothing
refused "shares nothing on a datastore" datastore filter-set d0 delay read_us=1
refused "there is no datastore d9" datastore filter-set d9 group_probe
refused "there is no datastore d9" datastore filters d9
group_is d0 .status.level_pct 30

# The last one goes.
ctl volume close v0
group_is d0 .status.volumes 1
ctl filter detach v1 group_probe
group_is d0 .is_active false
group_is d0 .params.level_pct 30
ctl volume open v0
group_is d0 .status.level_pct 30

filterd_stop
filterd_start
group_of_v0() { [ "$(group_of d0 .status.volumes)" = 1 ]; }
wait_until 10 "v0 to serve" group_of_v0
group_is d0 .status.level_pct 30
group_is d1 .status.level_pct 7
group_is d1 .params.level_pct 7

# A datastore goes with what was set on it.
ctl volume delete v0 --yes
ctl volume delete v1 --yes
ctl datastore remove d0
ctl datastore add d0 --type dir --path "$T/d0"
group_is d0 .params.level_pct 7
