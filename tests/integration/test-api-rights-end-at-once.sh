#!/bin/bash
# SPDX-License-Identifier: MIT
# Whoever loses his rights loses them at once: a change whose body was on its way when his user was disabled does not come
# through, and neither does his token's event stream go on.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"

policyd_start
PYTHONPATH="$ROOT/tests/lib" python3 - "$RUN_DIR" <<'EOF2' || die "see above"
import json, socket, sys
from rest import Rest

run = sys.argv[1]
root, web = Rest(run + "/policyd.sock"), Rest(run + "/policyd-web.sock")
GOOD, OTHER = "red house nine oaks", "blue barn four elms"


def sign_in():
    status, body, _ = web.ask("POST", "/login", {"user": "eve", "password": OTHER}, {"Sluice-Client-Address": "192.0.2.9"})
    assert status == 200, body
    return {"Cookie": "__Host-sluice=" + body["session"], "X-CSRF-Token": body["csrf_token"]}


def begin(method, path, headers, body=b""):
    """A connection on which a request's head has been sent."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(run + "/policyd-web.sock")
    lines = [f"{method} /api/v1{path} HTTP/1.1", "Host: x"] + [f"{k}: {v}" for k, v in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    s.sendall("\r\n".join(lines + ["", ""]).encode())
    return s


root.change("POST", "/users", {"name": "anna", "role": "admin", "password": GOOD})
root.change("POST", "/users", {"name": "eve", "role": "admin", "password": OTHER})

# A change that waits for the rest of its body, by a session and by a token.
body = json.dumps({"name": "late", "role": "admin", "expires_in_s": 86400}).encode()
eve = sign_in()
token = web.change("POST", "/tokens", {"name": "eves", "role": "admin", "expires_in_s": 3600}, eve)["token"]
bearer = {"Authorization": "Bearer " + token}
late = [begin("POST", "/tokens", who, body) for who in (eve, bearer)]
for s in late:
    s.sendall(body[:9])
stream = begin("GET", "/stream", bearer)
assert b"200 OK" in stream.recv(4096)
root.change("PATCH", "/users/eve", {"role": "viewer"})
for s in late:
    s.sendall(body[9:])
    answer = s.recv(4096)
    assert answer.startswith(b"HTTP/1.1 401"), answer
assert root.ask("GET", "/tokens/late")[0] == 404

# Another one's role was enough for the stream; it was an administrator's, so it ends.
while stream.recv(4096):
    pass

# One's own password, worked out while an administrator takes the user out.
root.change("PATCH", "/users/eve", {"is_enabled": True})
eve = sign_in()
words = json.dumps({"old_password": OTHER, "new_password": "nine green glass doors"}).encode()
s = begin("POST", "/users/me/password", eve, words)
s.sendall(words)
root.change("PATCH", "/users/eve", {"is_enabled": False})
answer = s.recv(4096)
assert answer.startswith((b"HTTP/1.1 401", b"HTTP/1.1 204")), answer  # 204: it was faster
rows = [r for r in root.all("/audit") if r["path"] == "/api/v1/tokens" and r["status"] == 401]
assert len(rows) == 2, rows
EOF2
policyd_stop
note "rights end at once"
