#!/bin/bash
# SPDX-License-Identifier: MIT
# What is kept beside the objects tells no secret: the record of an Idempotency-Key has no hash at which a password could
# be guessed, long answers are kept whole, and a webhook's URL stands in no task that everybody may read.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"

egressd_start
policyd_start
start_bg hook python3 -m http.server 8099 --bind 127.0.0.1 --directory "$T/transfer"
PYTHONPATH="$ROOT/tests/lib" python3 - "$RUN_DIR" "$T/policy/sluice.db" <<'EOF2' || die "see above"
import hashlib, json, sqlite3, sys, time
from rest import Rest

run, path = sys.argv[1:3]
root = Rest(run + "/policyd.sock")
user = {"name": "anna", "role": "admin", "password": "red house nine oaks"}
root.change("POST", "/users", user, {"Idempotency-Key": "one"})
plain = hashlib.sha256(b"POST\0/api/v1/users\0" + json.dumps(user).encode()).hexdigest()
kept = sqlite3.connect(path).execute("SELECT request_hash FROM idempotency WHERE key = 'one'").fetchone()[0]
assert len(kept) == 64 and kept != plain, "the password can be guessed at by a plain hash"
assert root.ask("POST", "/users", {**user, "name": "otto"}, {"Idempotency-Key": "one"})[0] == 422

# An answer of some 8 KiB, with its key: made once, answered twice.
names = [f"a-host-with-a-name-of-some-length-{i:04}" for i in range(200)]
for i, name in enumerate(names):
    root.change("POST", "/hosts", {"name": name, "iqn": f"iqn.2026-01.x:h{i}"})
group = {"name": "many", "members": names}
first = root.change("POST", "/host-groups", group, {"Idempotency-Key": "two"})
assert root.change("POST", "/host-groups", group, {"Idempotency-Key": "two"}) == first

root.change("PUT", "/settings/egress_allow", {"value": ["http://127.0.0.1:8099"]})
root.change("POST", "/webhooks", {"name": "chat", "url": "http://127.0.0.1:8099/services/T0-not-to-be-seen"})
task = root.change("POST", "/webhooks/chat/test")["task_id"]
end = time.monotonic() + 120
while (seen := root.get(f"/tasks/{task}"))["state"] in ("queued", "running") and time.monotonic() < end:
    time.sleep(0.1)
assert seen["state"] == "failed" and "501" in seen["error_text"], seen
assert "not-to-be-seen" not in json.dumps(seen), seen
EOF2
kill_bg hook TERM
policyd_stop
note "records tell no secret"
