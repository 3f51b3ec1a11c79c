#!/bin/bash
# SPDX-License-Identifier: MIT
# Huge lists hold nobody up: a body of millions of values costs no memory, a hundred thousand names are refused before
# they are compared, and a change of a group of 1,000 hosts that many volumes have takes a moment.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"

start_appliance
PYTHONPATH="$ROOT/tests/lib" python3 - "$RUN_DIR" "${PID_OF[policyd]}" "$VARIANT" <<'EOF2' || die "see above"
import re, socket, sys, time
from rest import Rest

run, pid, variant = sys.argv[1:4]
root = Rest(run + "/policyd.sock")
slow = 1 if variant == "release" else 10


def peak_mib():
    return int(re.search(r"VmHWM:\s*(\d+)", open(f"/proc/{pid}/status").read()).group(1)) // 1024


before = peak_mib()
big = b'{"document":{"volumes":[' + b"[]," * 5_000_000 + b"[]]}}"
s = socket.socket(socket.AF_UNIX)
s.settimeout(60)
s.connect(run + "/policyd.sock")
s.sendall(f"POST /api/v1/config/diff HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(big)}\r\n\r\n".encode() + big)
answer = s.recv(4096)
assert answer.startswith(b"HTTP/1.1 413"), answer
if variant == "release":
    assert peak_mib() - before < 100, f"{peak_mib() - before} MiB more for one body"

hosts = [{"name": f"host-{i:04}", "iqn": f"iqn.2026-01.x:h{i}"} for i in range(1000)]
names = [h["name"] for h in hosts]
volumes = [{"name": f"v{i}", "datastore": "main", "size_bytes": 1048576, "host_groups": ["all"], "desired_state": "offline"} for i in range(50)]
root.change("POST", "/config/apply", {"format": 1, "hosts": hosts, "host_groups": [{"name": "all", "members": names}], "volumes": volumes})

status, body, _ = root.ask("PUT", "/volumes/v0/access", {"hosts": [f"h{i:x}" for i in range(100_000)]})
assert status == 422 and body["field"] == "hosts", (status, body)
begin = time.monotonic()
root.change("PATCH", "/host-groups/all", {"members": names[1:]})
took = time.monotonic() - begin
print(f"a group of 1,000 hosts on 50 volumes: {took:.2f} s")
assert took < 2 * slow, took
EOF2
settled
policyd_stop
note "huge lists hold nobody up"
