#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 400 s
#
# What a volume is encrypted with is changed by tasks, under a verifying load over iSCSI: encrypted in place, a new
# volume key, cancelled, decrypted in place, erased. Tasks go on after a kill of policyd and of filterd, show how far
# they are, and leave a log. What the database says of keys, the running state and the compliance stay true.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/appliance.sh"
need_tools verify_load
command -v cryptsetup >/dev/null || skip "cryptsetup is missing"

RATE=$((4 << 20)) # so that a walk takes some seconds
SIZE=$((16 << 20))
export TASK_LIMIT_S=150 # beside a load a walk does a mebibyte a second, or less on a busy disk
ENC=/volumes/v0/encryption
encryption_of() { api_ok GET $ENC >/dev/null && jq -e "$1" "$T/api.body" >/dev/null; }
volume_is() { api_ok GET /volumes/v0 >/dev/null && jq -e "$1" "$T/api.body" >/dev/null; }
needs_key() { # main:2, or "" for none
	api_ok GET $ENC >/dev/null
	[ "$(jget '.key | if . == null then "" else "\(.key):\(.version)" end')" = "$1" ]
}
begin() { # VERB [QUERY] [BODY]: the task into TASK
	api_ok POST "$ENC/$1${2:+?$2}" ${3:+"$3"} >/dev/null
	TASK=$(jget .task_id)
}
has_moved() { api_ok GET "/tasks/$TASK" >/dev/null && jq -e '.state == "running" and .progress_pct > 5' "$T/api.body" >/dev/null; }
on_its_way() { wait_until 30 "task $TASK to be on its way" has_moved; }
another_child_than() { local now; now=$(filterd_child); [ -n "$now" ] && [ "$now" != "$1" ]; }
filterd_hit() {
	local child
	child=$(filterd_child)
	kill -KILL "$child"
	wait_until 15 "another child" another_child_than "$child"
}
log_has() { api_ok GET "/tasks/$TASK" >/dev/null && jq -e --arg t "$1" '[.log[].text | select(contains($t))] | length > 0' "$T/api.body" >/dev/null; }

expect_error "ended by signal 9|crash loop"
start_appliance
head -c 64 /dev/urandom >"$T/unlock.key"
chmod 400 "$T/unlock.key"
api_ok POST /key-providers "{\"name\":\"stick\",\"type\":\"native\",\"opened_by\":\"key_file\",\"opened_from\":\"$T/unlock.key\"}" >/dev/null
task_done
api_ok POST /keys '{"name":"main","provider":"stick"}' >/dev/null
task_done
api_ok POST /policies "{\"name\":\"secret\",\"rules\":[{\"filter\":\"encryption\",\"parameters\":{\"key_id\":\"main\",
	\"serve_clear\":\"true\",\"reencrypt_bytes_per_s\":\"$RATE\"}}]}" >/dev/null
host_make one iqn.2025-01.test.sluice:initiator
volume_make v0 $SIZE '"hosts":["one"]'
api_refused 409 POST $ENC/encrypt >/dev/null
[ "$(jget .code)" = no_encryption ] || die "without a filter: $(cat "$T/api.body")"
URL=$(lun_url v0)
start_load() { load_start load --depth 4 --zero --seed 7 --max-stall-ms 10000 "$URL"; }

note "an existing volume with data: served in clear, not compliant, then encrypted under load"
api_ok PUT /volumes/v0/policy '{"policy":"secret"}' >/dev/null
task_done
wait_until 20 "the volume to be in clear" encryption_of '.state == "clear" and .key == null'
wait_until 20 "that to be said" volume_is '.compliance | .status == "non_compliant" and (.causes[0] | test("in clear"))'
start_load
load_moves load 300
begin encrypt
api_refused 409 POST $ENC/rekey '{"is_deep":true}' >/dev/null
on_its_way
note "policyd is killed, filterd is killed: the task goes on"
policyd_kill
load_moves load 100
policyd_start
wait_until 20 "the task to be followed again" has_moved
filterd_hit
task_done "$TASK"
log_has 'key main' || die "its log: $(cat "$T/api.body")"
wait_until 20 "the state" encryption_of '.state == "unlocked" and .walk == null and .key_id == "main:1"'
needs_key main:1 || die "the key: $(cat "$T/api.body")"
wait_until 20 "compliance" volume_is '.compliance.status == "compliant" and .running_state == "online"'
api_refused 409 DELETE /keys/main >/dev/null

note "what the initiator wrote is neither in the image nor in anything that policyd or filterd keeps"
magic=$(grep -ohP 'define\s+\w*MAGIC\w*\s+\K0x[0-9a-fA-F]+' "$ROOT/tests/tools/load.h" "$ROOT/tests/tools/load_map.c" | head -n 1)
[ -n "$magic" ] || die "the load's magic number is not known"
python3 - "$magic" "$T/main" "$T/policy" "$STATE_DIR" "$RUN_DIR" >"$T/found" <<'END' || die "it is in clear: $(cat "$T/found")"
import os, stat, sys
word = int(sys.argv[1].rstrip("uUlL"), 16)
word = word.to_bytes((word.bit_length() + 7) // 8, "little")
found = seen = 0
for top in sys.argv[2:]:
    for folder, _, names in os.walk(top):
        for path in (os.path.join(folder, name) for name in names):
            if stat.S_ISREG(os.lstat(path).st_mode):
                seen += 1
                data = open(path, "rb").read()
                if word in data or word[::-1] in data:
                    print(path)
                    found += 1
sys.exit(1 if found or seen < 5 else 0)
END

note "a cancelled decryption leaves what was"
api_refused 422 POST "$ENC/decrypt?confirm=v1" >/dev/null
begin decrypt confirm=v0
on_its_way
api_ok POST "/tasks/$TASK/cancel" >/dev/null
task_ended "$TASK" cancelled
wait_until 20 "the state" encryption_of '.state == "unlocked" and .walk == null'
needs_key main:1 || die "the key: $(cat "$T/api.body")"

note "a new volume key by the command line; policyd is away when the walk ends"
before=$(sha256sum <"$T/main/v0.img.luks")
sluice key rotate main >/dev/null
sluice --no-wait encryption rekey v0 --deep >"$T/rekey.out" || die "$(cat "$T/rekey.out")"
TASK=$(grep -o 'task show [0-9]*' "$T/rekey.out" | grep -o '[0-9]*$')
on_its_way
sluice encryption pause v0 >/dev/null || die "pause"
wait_until 20 "the pause" encryption_of '.walk.state == "paused"'
sluice encryption resume v0 >/dev/null || die "resume"
policyd_kill
walk_is_over() { [ "$(ctl filter command v0 encryption status | jq -r '(.reply // .).reencrypt')" = null ]; }
wait_until 150 "the walk to end" walk_is_over
policyd_start
task_done "$TASK"
wait_until 20 "the newest version" encryption_of '.key_id == "main:2" and .state == "unlocked"'
needs_key main:2 || die "the key: $(cat "$T/api.body")"
[ "$(sha256sum <"$T/main/v0.img.luks")" != "$before" ] || die "the header is the old one"
begin rekey '' '{"is_deep":false}'
task_done "$TASK"
log_has 'opens it already' || die "a shallow rekey: $(cat "$T/api.body")"

note "decrypted in place: then, and only then, its policy may be one without encryption"
api_ok DELETE /volumes/v0/policy >/dev/null
problem_is_told() { api_ok GET /system >/dev/null && jq -e '[.health.problems[]?.text | select(test("encrypted by the filter"))] | length > 0' "$T/api.body" >/dev/null; }
wait_until 20 "the refusal to take the filter away" problem_is_told
encryption_of '.state == "unlocked"' || die "it is $(cat "$T/api.body")"
sluice --yes encryption decrypt v0 >"$T/decrypt.out" 2>&1 || die "decrypt: $(cat "$T/decrypt.out")"
wait_until 30 "the filter to go" encryption_of '.filter == null and .key == null'
[ ! -e "$T/main/v0.img.luks" ] || die "the header is still there"
load_moves load 300
load_end load 120

note "erased: nothing opens it, no key is needed, and that is said"
api_ok PUT /volumes/v0/policy '{"policy":"secret"}' >/dev/null
task_done
wait_until 20 "the volume to be in clear" encryption_of '.state == "clear"'
begin encrypt
task_done "$TASK"
cp "$T/main/v0.img.luks" "$T/old.luks"
api_refused 422 POST $ENC/erase >/dev/null
begin erase confirm=v0
task_done "$TASK"
log_has 'not been formatted' || log_has 'no LUKS2 header' || log_has 'nothing opens' || die "its log: $(cat "$T/api.body")"
wait_until 20 "the end" encryption_of '.is_erased and .key == null and .state == "unformatted"'
wait_until 20 "its running state" volume_is '.running_state == "failed" and (.running_error | test("erased"))'
for header in luks luksbackup luksnext luksnextbackup; do
	[ ! -e "$T/main/v0.img.$header" ] || die "a header is still there: $header"
done
if LC_ALL=C grep -qa 'LUKS' "$T/main/v0.img" "$T"/main/v0.img.* 2>/dev/null; then die "something of a header is left"; fi
filterd_stop
filterd_start
wait_until 20 "the end, after a restart" encryption_of '.is_erased and .state == "unformatted"'
api_ok GET "/events?kind=volume.erased" >/dev/null
[ "$(jget .total)" = 1 ] || die "$(cat "$T/api.body")"
api_ok DELETE '/volumes/v0?confirm=v0' >/dev/null
task_done
api_ok DELETE '/keys/main?destroy=true&confirm=main' >/dev/null
task_done
policyd_stop
stop_daemons
