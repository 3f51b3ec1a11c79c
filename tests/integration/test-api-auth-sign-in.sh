#!/bin/bash
# SPDX-License-Identifier: MIT
# time limit: 240 s
#
# Who may: the set-up token makes the first administrator, once; sessions need their CSRF token and end; tokens expire
# and never do more than their maker; every role meets its limits; the last administrator stays; wrong passwords wait.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"

policyd_start
[ "$(stat -c %a "$RUN_DIR/setup-token")" = 600 ] || die "the set-up token is not root's alone"
PYTHONPATH="$ROOT/tests/lib" python3 - "$RUN_DIR" "${PID_OF[policyd]}" <<'EOF2' || die "see above"
import sys, threading, time
from rest import Rest

run = sys.argv[1]
root, web = Rest(run + "/policyd.sock"), Rest(run + "/policyd-web.sock")
GOOD, OTHER = "red house nine oaks", "blue barn four elms"


def want(status, answer, code=None):
    got, body, headers = answer
    if got != status or (code and body["code"] != code):
        raise AssertionError(f"{got} instead of {status} {code or ''}: {body}")
    if status >= 400:
        assert body["status"] == status and body["code"] and body["detail"] and body["title"], body
        assert headers["Content-Type"] == "application/problem+json", headers
    return body


def sign_in(user, password, address="192.0.2.1"):
    body = want(200, web.ask("POST", "/login", {"user": user, "password": password}, {"Sluice-Client-Address": address}))
    return {"Cookie": "x=1; __Host-sluice=" + body["session"], "Sluice-Client-Address": address}, body


# Nobody is let in, and there is no default.
assert want(200, web.ask("GET", "/setup")) == {"is_needed": True}
want(401, web.ask("GET", "/users"), "unauthorized")
want(401, web.ask("POST", "/login", {"user": "admin", "password": "admin"}))
token = open(run + "/setup-token").read()
want(403, web.ask("POST", "/setup", {"setup_token": "x" * 43, "user": "anna", "password": GOOD}))
want(422, web.ask("POST", "/setup", {"setup_token": token, "user": "anna", "password": "short"}), "invalid")
want(422, web.ask("POST", "/setup", {"setup_token": token, "user": "a/b", "password": GOOD}))
want(201, web.ask("POST", "/setup", {"setup_token": token, "user": "anna", "password": GOOD}))
want(409, web.ask("POST", "/setup", {"setup_token": token, "user": "eve", "password": GOOD}))
assert want(200, web.ask("GET", "/setup")) == {"is_needed": False}

# Sessions.
anna, body = sign_in("anna", GOOD)
assert body["role"] == "admin" and len(body["session"]) == 43
me = want(200, web.ask("GET", "/me", headers=anna))
assert (me["name"], me["kind"], me["role"], me["address"]) == ("anna", "session", "admin", "192.0.2.1"), me
new = {"name": "otto", "role": "operator", "password": OTHER}
want(403, web.ask("POST", "/users", new, anna))
want(403, web.ask("POST", "/users", new, {**anna, "X-CSRF-Token": "x" * 43}))
anna_may = {**anna, "X-CSRF-Token": body["csrf_token"]}
user = want(201, web.ask("POST", "/users", new, anna_may))
assert "password_hash" not in user and "password" not in user, user
want(409, web.ask("POST", "/users", new, anna_may), "exists")
want(201, web.ask("POST", "/users", {**new, "name": "vera", "role": "viewer"}, anna_may))
again, _ = sign_in("anna", GOOD)
assert again["Cookie"] != anna["Cookie"]
sessions = want(200, web.ask("GET", "/sessions", headers=anna))["items"]
assert len(sessions) == 2 and sum(s["is_current"] for s in sessions) == 1, sessions
assert not any("hash" in key for s in sessions for key in s), sessions
want(204, web.ask("DELETE", f"/sessions/{[s['id'] for s in sessions if not s['is_current']][0]}", headers=anna_may))
want(401, web.ask("GET", "/me", headers=again), "unauthorized")

# Roles.
otto, body = sign_in("otto", OTHER)
otto_may = {**otto, "X-CSRF-Token": body["csrf_token"]}
vera, body = sign_in("vera", OTHER)
vera_may = {**vera, "X-CSRF-Token": body["csrf_token"]}
want(200, web.ask("GET", "/volumes", headers=vera))
want(403, web.ask("POST", "/hosts", {"name": "h", "iqn": "iqn.2026-01.x:h"}, vera_may), "forbidden")
want(403, web.ask("GET", "/users", headers=otto), "forbidden")
want(403, web.ask("GET", "/audit", headers=otto), "forbidden")

# Tokens.
want(422, web.ask("POST", "/tokens", {"name": "ci", "role": "viewer"}, anna_may))
ci = want(201, web.ask("POST", "/tokens", {"name": "ci", "role": "admin", "expires_in_s": 3600}, anna_may))
assert ci["token"].startswith("slc_") and len(ci["token"]) == 47 and ci["user"] == "anna"
bearer = {"Authorization": "Bearer " + ci["token"]}
assert want(200, web.ask("GET", "/me", headers=bearer))["kind"] == "token"
assert want(200, root.ask("GET", "/me", headers=bearer))["name"] == "ci"  # a token counts for root too
shown = want(200, web.ask("GET", "/tokens/ci", headers=bearer))
assert "token" not in shown and "token_hash" not in shown and shown["last_used_ms"] > 0, shown
for bad in ("Bearer slc_" + "A" * 43, "Bearer x", "Basic YTpi", "Bearer " + ci["token"] + "x", "Bearer"):
    want(401, web.ask("GET", "/me", headers={"Authorization": bad}))
want(201, root.ask("POST", "/tokens", {"name": "local", "role": "viewer", "expires_in_s": 60}))

# A maker who loses his right takes it from his tokens.
want(200, root.ask("PATCH", "/users/otto", {"role": "admin"}))
want(401, web.ask("GET", "/me", headers=otto))
want(200, web.ask("PATCH", "/users/anna", {"role": "viewer"}, bearer))
assert want(200, web.ask("GET", "/me", headers=bearer))["role"] == "viewer"
want(403, web.ask("GET", "/users", headers=bearer))
want(200, root.ask("PATCH", "/users/anna", {"role": "admin"}))

# The last administrator stays.
want(200, root.ask("PATCH", "/users/otto", {"role": "operator"}))
want(409, root.ask("PATCH", "/users/anna", {"role": "viewer"}), "last_admin")
want(409, root.ask("PATCH", "/users/anna", {"is_enabled": False}), "last_admin")
want(409, root.ask("DELETE", "/users/anna"), "last_admin")
want(204, root.ask("DELETE", "/users/vera"))
want(401, web.ask("GET", "/me", headers=vera))

# One's own password ends all other sessions.
anna, body = sign_in("anna", GOOD)
anna_may = {**anna, "X-CSRF-Token": body["csrf_token"]}
second, _ = sign_in("anna", GOOD)
change = {"old_password": "wrong but long enough", "new_password": OTHER}
want(403, web.ask("POST", "/users/me/password", change, anna_may))
want(403, web.ask("POST", "/users/me/password", {**change, "old_password": GOOD}, {**bearer}))
want(204, web.ask("POST", "/users/me/password", {**change, "old_password": GOOD}, anna_may))
want(200, web.ask("GET", "/me", headers=anna))
want(401, web.ask("GET", "/me", headers=second))
want(401, web.ask("POST", "/login", {"user": "anna", "password": GOOD}))
sign_in("ANNA", OTHER)
want(204, web.ask("POST", "/logout", headers=anna_may))
want(401, web.ask("GET", "/me", headers=anna))

# Wrong passwords wait, known names and unknown ones alike; other places do not.
for name in ("anna", "nobody-here"):
    last = None
    for i in range(12):  # a slow machine outlasts the first delays
        last = web.ask("POST", "/login", {"user": name, "password": "wrong"}, {"Sluice-Client-Address": "198.51.100." + name[0:1].replace("a", "1").replace("n", "2")})
        if last[0] == 429:
            break
    want(429, last, "locked_out")
    assert int(last[2]["Retry-After"]) >= 1
sign_in("anna", OTHER, "192.0.2.77")

# Time tells nothing about whether there is such a user: as much is computed for one as for the other.
def busy():
    fields = open(f"/proc/{sys.argv[2]}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
def took(user, address):
    begin = busy()
    want(401, web.ask("POST", "/login", {"user": user, "password": "wrong"}, {"Sluice-Client-Address": address}))
    return busy() - begin
known = min(took("otto", f"203.0.113.{i}") for i in range(2))
unknown = min(took("unknown", f"203.0.113.{i}") for i in range(2))
assert 0.5 < known / unknown < 2, (known, unknown)

# Many at once: bounded, the rest is told to come again; others are served meanwhile.
answers = []
def knock(i):
    answers.append(web.ask("POST", "/login", {"user": f"u{i}", "password": "wrong"}, {"Sluice-Client-Address": f"10.1.{i}.1"})[0])
threads = [threading.Thread(target=knock, args=(i,)) for i in range(40)]
for t in threads:
    t.start()
while not answers:  # somebody was told to come again: all that may be at work is at work
    time.sleep(0.01)
want(200, root.ask("GET", "/me"))
assert any(t.is_alive() for t in threads), "scrypt stops the daemon"
for t in threads:
    t.join()
assert set(answers) <= {401, 429} and answers.count(429) >= 10 and answers.count(401) >= 10, answers

# Nothing secret in the trail, and it is whole.
text = str(root.all("/audit"))
for secret in (GOOD, OTHER, token, ci["token"], "wrong"):
    assert secret not in text, secret
rows = root.all("/audit")
assert any(r["path"] == "/api/v1/login" and r["status"] == 401 and r["actor"] == "user:anna" for r in rows)
assert any(r["path"] == "/api/v1/users" and r["status"] == 403 for r in rows)
assert any(r["path"] == "/api/v1/users/anna" and r["status"] == 409 for r in rows)
assert want(200, root.ask("POST", "/audit/verify"))["is_whole"]
EOF2
policyd_stop
if grep -raqE "red house nine oaks|blue barn four elms" "$T/policyd.log" "$T/policy"; then
	die "a password stands in a file or the log"
fi
note "roles, sessions, tokens and lockout hold"
