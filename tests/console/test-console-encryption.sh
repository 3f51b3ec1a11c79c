#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 300 s
#
# A volume with data is encrypted in place, gets a new wrapping and a new key, is decrypted and erased by clicks; the walk is
# paused and goes on; what loses something wants the volume's name.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$ROOT/tests/lib/appliance.sh"
# shellcheck source=tests/lib/console.sh
. "$ROOT/tests/lib/console.sh"

console_start
api_ok POST /datastores "{\"name\":\"main\",\"type\":\"dir\",\"path\":\"$T/main\"}" >/dev/null
task_done
wait_until 30 "the filters to be known" is_there /filters/encryption
console_keys
# Slow enough to be seen on its way.
api_ok POST /policies '{"name":"sealed","rules":[{"filter":"encryption","parameters":{"key_id":"house","serve_clear":"true",
	"reencrypt_bytes_per_s":"2097152"}}]}' >/dev/null
host_make esx-01 "$CLIENT_IQN"
volume_make secrets $((32 * 1048576)) '"hosts":["esx-01"],"policy":"sealed"'
wait_until 30 "the volume to be served in clear" lun_is_ready "$(lun_url secrets)"
timeout 60 "$(tool iscsi_bench)" --bytes 1048576 --depth 4 --write-pct 100 --sequential --region-bytes $((24 << 20)) --seconds 3 \
	"$(lun_url secrets)" >"$T/filled"
BROWSE_LIMIT_S=250 browse encryption
