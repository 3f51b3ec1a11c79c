#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 1200 s
#
# An encrypted volume with write-back below: filterd is killed and the cache changes under a verifying load, nothing is
# lost, and nothing that the initiator wrote is in clear in the log or on the datastore.
. "$(dirname "$0")/../lib/harness.sh"
. "$(dirname "$0")/../lib/encryption.sh"
need_tools verify_load
CYCLES=${CYCLES:-3}
expect_error "ended by signal 9|crash loop|cache_"
state_is() { [ "$(ctl --json volume show v0 | jq -r '.volume.filters[] | select(.filter == "cache").status.state')" = "$1" ]; }
another_child_than() { local now; now=$(filterd_child); [ -n "$now" ] && [ "$now" != "$1" ]; }
log=mode=write_back,flash_bytes=16777216,destage_age_ms=200
mkdir "$T/flash"
encrypted_lun 32M
ctl datastore filter-set d0 cache "flash_path=$T/flash" flash_bytes=67108864 >/dev/null
ctl filter attach v0 "cache,$log" >/dev/null
wait_until 20 write-back state_is serving
load_start load --depth 16 --zero --seed 7 --max-stall-ms 15000 "$URL"
for ((cycle = 1; cycle <= CYCLES; cycle++)); do
	load_moves load 300
	child=$(filterd_child)
	kill -KILL "$child"
	wait_until 15 "another serving child" another_child_than "$child"
	load_moves load 200
	ctl filter set v0 cache,mode=write_around >/dev/null
	load_moves load 200
	ctl filter set v0 "cache,$log" >/dev/null
	wait_until 20 write-back state_is serving
done
load_moves load 300
load_end load 120
magic=$(grep -oP 'define\s+\w*MAGIC\w*\s+\K0x[0-9a-fA-F]+' "$ROOT/tests/tools/load.h" "$ROOT/tests/tools/load_map.c" -h | head -n 1)
[ -n "$magic" ] || die "the load's magic number is not known"
python3 - "$magic" "$T"/flash/*.log "$IMAGE" <<'EOF'
import sys
magic = int(sys.argv[1].rstrip("uUlL"), 16)
word = magic.to_bytes((magic.bit_length() + 7) // 8, "little")
for path in sys.argv[2:]:
    with open(path, "rb") as file:
        if word in file.read():
            sys.exit("%s holds what the initiator wrote, in clear" % path)
EOF
