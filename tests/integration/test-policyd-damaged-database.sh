#!/bin/bash
# SPDX-License-Identifier: MIT
# A damaged database, or one of a newer version, is refused and left as it is; the newest good backup is named with
# the command that restores it, and that command works. I/O goes on all the while.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"

database() { find "$T/policy" -maxdepth 1 -name '*.db' ! -name 'history*' | head -n 1; }
# start_refused REGEX: it must end by itself with a sentence.
start_refused() {
	: >"$T/policyd.log"
	start_bg policyd "$B/bin/sluice-policyd" --run-dir "$RUN_DIR" --state-dir "$T/policy" \
		--filterd-socket "$RUN_DIR/filterd.sock" --ring-socket "$RUN_DIR/ring.sock" \
		--tgt-socket "$TGT_IPC_SOCKET.${TGTD_C[a]}" --transfer-dir "$T/transfer" --iqn-base "$IQN_BASE" \
		--samples-dir "$ROOT/policy/samples"
	wait_bg policyd 20
	[ "$RC" != 0 ] || die "policyd started on it"
	grep -qE "$1" "$T/policyd.log" || die "it does not say '$1': $(cat "$T/policyd.log")"
}

expect_error 'damaged|newer|malformed|not a database|restore|version'
start_appliance
host_make kept "$INITIATOR"
volume_make v1 16777216 '"hosts":["kept"]'
api_ok POST /backups '{}' >/dev/null
[ -z "$(jq -r '.task_id // empty' "$T/api.body")" ] || task_done
policyd_stop
cp -a "$T/policy" "$T/good"

# Garbled in the middle.
dd if=/dev/urandom of="$(database)" bs=4096 seek=2 count=20 conv=notrunc status=none
rm -f "$(database)-wal" "$(database)-shm"
before=$(sha256sum <"$(database)")
start_refused '(backup|restore)'
[ "$(sha256sum <"$(database)")" = "$before" ] || die "the damaged database was changed"
backup=$(grep -oE '[^ ]*-[0-9TZ]+-v[0-9]+\.db' "$T/policyd.log" | head -n 1)
[ -f "$backup" ] || die "no backup is named: $(cat "$T/policyd.log")"
timeout 30 "$B/bin/sluice-policyd" --state-dir "$T/policy" --run-dir "$RUN_DIR" --restore "$backup" >"$T/restore.out" 2>&1 ||
	die "the restore failed: $(cat "$T/restore.out")"
timeout 20 qemu-img info --image-opts "driver=iscsi,transport=tcp,portal=127.0.0.1:$PORTAL_PORT,lun=1,initiator-name=$INITIATOR,target=$(adm a --op show --mode target | sed -n 's/^Target 1: //p')" >/dev/null ||
	die "I/O stopped meanwhile"
policyd_start
api_ok GET /hosts/kept >/dev/null
settled
policyd_stop

# Of a newer version.
rm -rf "$T/policy"
cp -a "$T/good" "$T/policy"
/usr/bin/python3 - "$(database)" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
version = db.execute("PRAGMA user_version").fetchone()[0]
db.execute(f"PRAGMA user_version = {version + 7}")
db.commit()
PY
start_refused 'newer'
