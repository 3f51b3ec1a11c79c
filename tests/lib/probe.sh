# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2119,SC2120 # the probe is optional
#
# probe.sh - filterd with a filter of the tests beside the others, and what group_probe says. Sourced after harness.sh.
#
#   filterd_with_probe [PROBE]     before filterd_start: links all filters and the probe (group_probe) into one folder
#   group_of DATASTORE JQ          jq over the probe's entry of 'datastore filters DATASTORE'
#   group_is DATASTORE JQ VALUE    fails unless that is VALUE
filterd_with_probe() {
	local probe=$B/tests/plugins/${1:-group_probe}.so
	[ -e "$probe" ] || die "$probe is missing; say: make VARIANT=$VARIANT variant-tests"
	mkdir -p "$T/filters"
	ln -sf "$B"/filters/*.so "$probe" "$T/filters/"
	FILTERS=$T/filters # filterd_start takes it
	export FILTERS
}

group_of() { ctl --json datastore filters "$1" | jq -r ".filters[] | select(.filter == \"group_probe\") | $2"; }
group_is() {
	local now
	now=$(group_of "$1" "$2")
	[ "$now" = "$3" ] || die "$2 of $1 is $now, not $3"
}
