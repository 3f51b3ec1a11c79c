# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# io_control.sh - volumes of slow datastores over iSCSI, and loads on them. Source it after harness.sh.
#
#   slow_datastore NAME SERVERS SERVICE_US VOLUME...   with a LUN for each volume; starts the daemons if need be
#   controlled VOLUME...          io_control in their chains, with default parameters
#   share VOLUME PARAMETERS       "shares_level=high,reservation_iops=200"; the others get their defaults
#   datastore_control NAME PARAMETER...           "enabled=true threshold_mode=manual threshold_us=5000"
#   load VOLUME DEPTH SECONDS [OPTION...]         iscsi_bench in the background
#   load_wait                     until all loads are over; each must have ended well
#   figure VOLUME MEMBER          of its last load, "mean_us"
#   volume_control VOLUME MEMBER, group_control NAME MEMBER    of what io_control says now
declare -A URL_OF=() LOAD_PID=()
NEXT_TID=1

slow_datastore() {
	local datastore=$1 servers=$2 service_us=$3 name
	shift 3
	[ -n "${PID_OF[filterd]:-}" ] || filterd_start
	[ -n "${PID_OF[tgtd-a]:-}" ] || tgtd_start a
	ctl datastore add "$datastore" --type slow --path "servers=$servers,service_us=$service_us" >/dev/null
	for name in "$@"; do
		lun_on "$datastore" "$name"
	done
}

# lun_on DATASTORE VOLUME
lun_on() {
	volume_new "$2" --datastore "$1" --size 64M
	target_new a "$NEXT_TID"
	lun_sluice a "$NEXT_TID" 1 "$2"
	URL_OF[$2]=$(url a "$NEXT_TID" 1)
	NEXT_TID=$((NEXT_TID + 1))
}

controlled() {
	local name
	for name in "$@"; do
		ctl filter attach "$name" io_control >/dev/null
	done
}
share() { ctl filter set "$1" "io_control${2:+,$2}" >/dev/null; }
datastore_control() {
	local name=$1
	shift
	ctl datastore filter-set "$name" io_control "$@" >/dev/null
}

load() {
	local name=$1 depth=$2 seconds=$3
	shift 3
	timeout $((seconds + 60)) "$(tool iscsi_bench)" --depth "$depth" --seconds "$seconds" \
		--warm-ms "${WARM_MS:-1000}" "$@" "${URL_OF[$name]}" </dev/null >"$T/load.$name" 2>"$T/load.$name.err" &
	LOAD_PID[$name]=$!
}
load_wait() {
	local name
	for name in "${!LOAD_PID[@]}"; do
		wait "${LOAD_PID[$name]}" || die "the load on $name failed: $(cat "$T/load.$name" "$T/load.$name.err")"
	done
	LOAD_PID=()
}
figure() { grep '^{' "$T/load.$1" | jq -r ".$2 | round"; }

volume_control() {
	ctl --json volume show "$1" | jq -r ".volume.filters[] | select(.filter == \"io_control\").status.$2"
}
group_control() { ctl --json datastore filters "$1" | jq -r ".filters[] | select(.filter == \"io_control\").status.$2"; }
