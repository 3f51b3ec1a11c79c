# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2119,SC2120 # options are optional
#
# daemons.sh - start and end tgtd and sluice-filterd inside a test's sandbox. Sourced by harness.sh.
#
#   filterd_start [option...]            sluice-filterd with run, state and filter directories under $T
#   ctl COMMAND...                       sluice-filterctl, ten seconds at most
#   tgtd_start NAME [plain]              a tgtd of its own with two portals; "plain": without our module
#   adm NAME OPTION...                   tgtadm for that tgtd, ten seconds at most
#   target_new NAME TID                  a target that anybody may use
#   lun_sluice NAME TID LUN VOLUME       a LUN on our module
#   lun_file NAME TID LUN FILE [OPT...]  a LUN on tgt's own rdwr
#   url NAME TID LUN [PORTAL]            its iscsi:// URL
B=$ROOT/build/$VARIANT
# A stock tgtd cannot host a sanitizer's runtime: module and tools come from the release build.
R=$ROOT/build/release
FILTERS=$B/filters
RUN_DIR=$T/run
STATE_DIR=$T/state
IQN=iqn.2025-01.test.sluice
NEXT_PORT=3260
declare -A TGTD_C=() TGTD_PORTS=()
export TGT_IPC_SOCKET=$T/tgtd

tool() { echo "$R/bin/$1"; }

need_tools() {
	local t
	for t in "$@"; do
		[ -x "$R/bin/$t" ] || die "build/release/bin/$t is missing; say: make"
	done
}

need_product() {
	[ -x "$B/bin/sluice-filterd" ] || die "$B/bin/sluice-filterd is missing; say: make VARIANT=$VARIANT"
	[ -e "$R/tgt/bs_sluice.so" ] || die "build/release/tgt/bs_sluice.so is missing; say: make"
}

# ---------------------------------------------------------------- filterd

filterd_start() {
	need_product
	mkdir -p "$RUN_DIR" "$STATE_DIR"
	ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:exitcode=99} \
		TSAN_OPTIONS=${TSAN_OPTIONS:-exitcode=99:halt_on_error=0} \
		start_bg filterd "$B/bin/sluice-filterd" --run-dir "$RUN_DIR" --state-dir "$STATE_DIR" \
		--filter-dir "$FILTERS" --workers "${WORKERS:-1}" "$@"
	wait_until 20 "filterd's control socket to answer" filterd_answers
}
filterd_answers() { ctl status; }

# The serving child: what a crash kills, while its parent watches.
filterd_child() { pgrep -P "${PID_OF[filterd]}" | head -n 1; }

ctl() {
	timeout -k 1 "$((${CTL_LIMIT_S:-10} * PATIENCE))" "$B/bin/sluice-filterctl" --socket "$RUN_DIR/filterd.sock" "$@"
}

# filterd_stop  an orderly end; a sanitizer's report or a crash is a failure.
filterd_stop() { filterd_end || die "filterd did not end well after SIGTERM (status $RC)"; }
filterd_end() {
	local end_us=$((${EPOCHREALTIME/./} + 15000000))
	kill -TERM "${PID_OF[filterd]}" 2>/dev/null || true
	until is_over filterd; do
		if [ "${EPOCHREALTIME/./}" -gt "$end_us" ]; then
			echo "filterd goes on 15 s after SIGTERM" >&2
			kill_bg filterd KILL
			RC=1
			return 1
		fi
		sleep 0.02
	done
	RC=0
	wait "${PID_OF[filterd]}" || RC=$?
	unset "PID_OF[filterd]"
	[ "$RC" = 0 ]
}

# Volumes of the tests, all on one datastore each.
datastore_mem() { ctl datastore add "${1:-m0}" --type mem --path "${2:-mem}" >/dev/null; }
datastore_dir() {
	local name=$1
	mkdir -p "$T/$name"
	shift
	ctl datastore add "$name" --type dir --path "$T/$name" "$@" >/dev/null
}
volume_new() { ctl volume create "$@" >/dev/null; }

# ---------------------------------------------------------------- tgtd

mount_module() {
	[ -z "${MODULE_MOUNTED:-}" ] || return 0
	# tgtd loads modules from this one place. An empty directory changes nothing for a tgtd outside.
	mkdir -p /usr/lib/tgt/backing-store
	mount --bind "$R/tgt" /usr/lib/tgt/backing-store
	MODULE_MOUNTED=1
}

# tgtd_start NAME [plain]
tgtd_start() {
	local name=$1
	if [ "${2:-}" != plain ]; then
		need_product
		mount_module
	fi
	if [ -z "${TGTD_C[$name]:-}" ]; then
		TGTD_C[$name]=$((${#TGTD_C[@]} + 1))
		TGTD_PORTS[$name]="$NEXT_PORT $((NEXT_PORT + 1))"
		NEXT_PORT=$((NEXT_PORT + 2))
	fi
	local p=${TGTD_PORTS[$name]}
	start_bg "tgtd-$name" tgtd -f -C "${TGTD_C[$name]}" \
		--iscsi "portal=127.0.0.1:${p% *},portal=127.0.0.1:${p#* }"
	wait_until 10 "tgtd $name to answer" adm "$name" --op show --mode sys
	wait_until 10 "portal ${p% *} to listen" nc_probe "${p% *}"
	wait_until 10 "portal ${p#* } to listen" nc_probe "${p#* }"
}
nc_probe() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }
tgtd_pid() { echo "${PID_OF[tgtd-$1]}"; }
tgtd_kill() {
	kill_bg "tgtd-$1" KILL
	rm -f "$TGT_IPC_SOCKET.${TGTD_C[$1]}" "$TGT_IPC_SOCKET.${TGTD_C[$1]}.lock"
}

adm() {
	local name=$1
	shift
	timeout -k 1 "$((${ADM_LIMIT_S:-10} * PATIENCE))" tgtadm -C "${TGTD_C[$name]}" --lld iscsi "$@"
}

target_new() {
	adm "$1" --op new --mode target --tid "$2" -T "$IQN:$1.$2"
	adm "$1" --op bind --mode target --tid "$2" -I ALL
}
lun_sluice() {
	adm "$1" --op new --mode logicalunit --tid "$2" --lun "$3" --bstype sluice \
		--backing-store "$4" --bsopts "socket=$RUN_DIR/ring.sock"
}
lun_file() {
	local name=$1 tid=$2 lun=$3 file=$4
	shift 4
	adm "$name" --op new --mode logicalunit --tid "$tid" --lun "$lun" --bstype rdwr \
		--backing-store "$file" "$@"
	adm "$name" --op update --mode logicalunit --tid "$tid" --lun "$lun" \
		--params thin_provisioning=1
}
url() {
	local p=${TGTD_PORTS[$1]}
	local port=${p% *}
	[ "${4:-1}" = 1 ] || port=${p#* }
	echo "iscsi://127.0.0.1:$port/$IQN:$1.$2/$3"
}

# one_lun SIZE [volume option...]  the usual scene: filterd, mem datastore, volume v0, one tgtd, one LUN.
one_lun() {
	local size=$1
	shift
	filterd_start
	datastore_mem m0
	volume_new v0 --datastore m0 --size "$size" "$@"
	tgtd_start a
	target_new a 1
	lun_sluice a 1 1 v0
	URL=$(url a 1 1)
	URL2=$(url a 1 1 2)
	export URL URL2
}

# As one_lun, on files: durable writes unless the options say otherwise.
one_lun_on_files() {
	local size=$1
	shift
	filterd_start
	datastore_dir d0
	volume_new v0 --datastore d0 --size "$size" "$@"
	tgtd_start a
	target_new a 1
	lun_sluice a 1 1 v0
	URL=$(url a 1 1)
	URL2=$(url a 1 1 2)
	export URL URL2
}

# At the end of a test that passed: filterd ends in order, so that leaks and races are reported.
stop_daemons() {
	local name
	for name in "${!TGTD_C[@]}"; do
		[ -z "${PID_OF[tgtd-$name]:-}" ] || kill_bg "tgtd-$name" KILL
	done
	if [ -n "${PID_OF[filterd]:-}" ]; then
		filterd_end || {
			echo "FAIL: filterd ended with status $RC" >&2
			return 1
		}
	fi
}
