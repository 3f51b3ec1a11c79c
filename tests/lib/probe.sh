# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# probe.sh - filterd with the filter group_probe beside the others, and what it says. Sourced after harness.sh.
#
#   filterd_with_probe             before filterd_start: links all filters and the probe into one folder
#   group_of DATASTORE JQ          jq over the probe's entry of 'datastore filters DATASTORE'
#   group_is DATASTORE JQ VALUE    fails unless that is VALUE
PROBE=$B/tests/plugins/group_probe.so

filterd_with_probe() {
	[ -e "$PROBE" ] || die "$PROBE is missing; say: make VARIANT=$VARIANT variant-tests"
	mkdir -p "$T/filters"
	ln -sf "$B"/filters/*.so "$PROBE" "$T/filters/"
	FILTERS=$T/filters # filterd_start takes it
	export FILTERS
}

group_of() { ctl --json datastore filters "$1" | jq -r ".filters[] | select(.filter == \"group_probe\") | $2"; }
group_is() {
	local now
	now=$(group_of "$1" "$2")
	[ "$now" = "$3" ] || die "$2 of $1 is $now, not $3"
}
