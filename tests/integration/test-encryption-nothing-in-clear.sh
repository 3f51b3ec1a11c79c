#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 120 s
#
# A marker that was written and read through the LUN is in no file below: image, header, the write-back cache's log and
# clean tier on flash, the journal of a deep rekey, logs, plan, records; and neither marker nor keys are in what a core
# file of filterd would hold, made by gdb or by the kernel.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/encryption.sh
. "$ROOT/tests/lib/encryption.sh"
command -v qemu-io >/dev/null || skip "qemu-io is not installed; apt-get install qemu-utils qemu-block-extra"
command -v cryptsetup >/dev/null || skip "cryptsetup is missing; apt-get install cryptsetup-bin"

qio() { timeout 60 qemu-io -f raw -t none "$@" "$URL" >"$T/io/out" 2>&1 || die "qemu-io: $(cat "$T/io/out")"; }
in_memory() { # WHO PID NEEDLE...
	local who=$1 found
	shift
	found=$(python3 "$ROOT/tests/lib/memory_search.py" --unfiltered "$@") || die "$who holds what no core may hold: $found"
	note "$who: $found"
}

encrypted_lun 64M
mkdir "$T/io" "$T/flash"
key_new new
cache_serves() { [ "$(ctl --json volume show v0 | jq -r '.volume.filters[] | select(.filter == "cache").status.state')" = serving ]; }
ctl datastore filter-set d0 cache "flash_path=$T/flash" flash_bytes=128M >/dev/null
ctl filter attach v0 "cache,mode=write_back,flash_bytes=33554432,flash_read_bytes=33554432,destage_age_ms=3600000" >/dev/null
wait_until 20 "the cache to serve" cache_serves
# Of the test's own, not of filterd's: found by nobody who looks where filterd writes.
printf 'SLUICE-MARKER-%s' "$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')" >"$T/io/marker"
{ yes "$(cat "$T/io/marker")" || true; } 2>/dev/null | head -c 2M >"$T/io/content"
qio -c "write -s $T/io/content 1M 2M" -c flush -c "read 1M 2M"
# A command that holds data back: compared on the way.
qemu-img convert -f raw -O raw "$URL" "$T/io/got"
cmp -n 2097152 -i 1048576:0 "$T/io/got" "$T/io/content" || die "what is read is not what was written"
# The newest copy is on flash alone, and must not be in clear there.
[ "$(ctl --json volume show v0 | jq '.volume.filters[] | select(.filter == "cache").status.dirty_bytes')" -gt 0 ] || die "the cache holds nothing back"
[ "$(cat "$T"/flash/*.log | wc -c)" -gt 0 ] || die "there is no log on flash"
# Both keys, and the journal, are under way while it is searched for the first time.
ctl filter set v0 encryption,reencrypt_bytes_per_s=1048576,reencrypt_zone_bytes=262144 >/dev/null
encryption v0 rekey_deep '{"key_id": "new"}' kek new >/dev/null || die "rekey_deep was refused"
is_walking() { [ "$(encryption v0 status | jq '.reencrypt.done_bytes // 0')" -gt 1048576 ]; }
wait_until 30 "the walk to be on its way" is_walking
[ -e "$IMAGE.reencrypt" ] || die "there is no journal"
if grep -rlaF --exclude-dir=io -- "$(cat "$T/io/marker")" "$T"; then
	die "the marker is in these files during a deep rekey"
fi
ctl filter set v0 encryption,reencrypt_bytes_per_s=0 >/dev/null
has_ended() { [ "$(encryption v0 status | jq .reencrypt)" = null ]; }
wait_until 60 "the walk to end" has_ended
qio -c "read 1M 2M"
encryption v0 lock >/dev/null
encryption v0 unlock '' new >/dev/null
encryption v0 status >/dev/null
ctl --json volume show v0 >"$T/shown.json"
ctl --json stats v0 >"$T/stats.json"
ctl events >"$T/events"

# Every file, but the test's own input and output.
if grep -rlaF --exclude-dir=io -- "$(cat "$T/io/marker")" "$T"; then
	die "the marker is in these files"
fi

cryptsetup luksDump --batch-mode --header "$HEADER" --dump-volume-key --volume-key-file "$T/io/dek" \
	--key-file "$T/keys/new" "$IMAGE" >/dev/null
head -c 32 "$T/io/dek" >"$T/io/dek1"
tail -c 32 "$T/io/dek" >"$T/io/dek2"
python3 "$ROOT/tests/lib/files_hold.py" "$T/io/dek1" "$T/io" >/dev/null || die "the search does not see the key's own file"
for needle in dek1 dek2; do
	if python3 "$ROOT/tests/lib/files_hold.py" "$T/io/$needle" "$STATE_DIR" "$T/d0" "$T/flash" "$RUN_DIR"; then
		die "the volume's key is in these files"
	fi
done
# A sanitizer maps terabytes of its own, and keeps copies of what was freed.
[ "$VARIANT" = release ] || exit 0
child=$(filterd_child)
# The search finds what is there.
printf %s "$IMAGE" >"$T/io/path"
! python3 "$ROOT/tests/lib/memory_search.py" --unfiltered "$child" "$T/io/path" >/dev/null || die "the search does not see the child's memory"
in_memory parent "${PID_OF[filterd]}" "$T/io/marker" "$T/io/dek1" "$T/io/dek2" "$T/keys/kek" "$T/keys/new"
in_memory child "$child" "$T/io/marker" "$T/io/dek1" "$T/io/dek2" "$T/keys/kek" "$T/keys/new"
[ "$(stat -c %u "/proc/$child/mem")" = 0 ] || die "the child's memory is not root's alone"
if command -v gcore >/dev/null; then
	# Also one that takes what the process's filter leaves out, so that it holds anything at all.
	timeout 60 gdb -q -nx -batch -p "$child" -ex "set use-coredump-filter off" -ex "gcore $T/io/core.$child" \
		>"$T/io/gcore.log" 2>&1 || die "gcore: $(tail -n 1 "$T/io/gcore.log")"
	LC_ALL=C grep -qaF "$IMAGE" "$T/io/core.$child" || die "the forced core holds nothing"
	for needle in marker dek1 dek2; do
		! python3 "$ROOT/tests/lib/files_hold.py" "$T/io/$needle" "$T/io/core.$child" || die "$needle is in a forced core"
	done
fi
scsi_expect "$URL" tur good
# The kernel's own core: there is none, whatever the limit says. (On a slow machine gdb has stopped the child for longer
# than its parent waits, and this is the next one.)
expect_error "does not answer|by a hang"
child=$(filterd_child)
prlimit --pid "$child" --core=unlimited 2>/dev/null || true
expect_error "ended by signal 6|crash loop"
kill -ABRT "$child"
another_child() { local now; now=$(filterd_child); [ -n "$now" ] && [ "$now" != "$child" ]; }
wait_until 15 "the next child" another_child
wait_until 10 "the LUN" lun_is_ready "$URL"
find "$T" / -maxdepth 2 -xdev -name 'core*' -newer "$T/io/dek2" -type f -size +1M ! -path "$T/io/*" 2>/dev/null >"$T/io/cores"
[ ! -s "$T/io/cores" ] || die "a core was made: $(cat "$T/io/cores")"
