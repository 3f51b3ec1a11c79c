#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every route by everybody; called by the script of the same name.

    test-api-roles-hold-on-every-route.py SOCKET WEB_SOCKET DATABASE WEB_PORT

Requests name objects that do not exist, so what is let in ends with 404 or 422 and changes nothing: here it only
counts whether rights stand in the way (401, 403).
"""
import http.client
import json
import os
import re
import sqlite3
import ssl
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import openapi  # noqa: E402
import rest  # noqa: E402

RANK = {"public": 0, "viewer": 1, "operator": 2, "admin": 3}
PASSWORD = "a long enough pass phrase"
root = rest.Rest(sys.argv[1])
document = openapi.Document()
faults, asked = [], 0


def path_of(o):
    path = o.full.replace("{name}", "nobody").replace("{version}", "9").replace("{key}", "nokey").replace("{snapshot}", "none")
    return path.replace("{id}", "9-9-9" if "iscsi-sessions" in path else "999999")


def ask(connection, o, headers):
    """The status of a request that is harmless when it is let in."""
    global asked
    asked += 1
    has_body = "requestBody" in o.body
    more = dict(headers)
    data = None
    if has_body:
        kind = next(iter(o.body["requestBody"]["content"]))
        more["Content-Type"] = kind
        data = '{"nonsense": 1}' if "json" in kind else "x"
    query = "?dry_run=1" if "dry_run" in document.query_names(o) else ""
    try:
        try:
            connection.request(o.method, path_of(o) + query, data, more)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before the body was read
        answer = connection.getresponse()
        status, kind = answer.status, answer.getheader("Content-Type") or ""
        text = b"" if "event-stream" in kind else answer.read()
    except (OSError, http.client.HTTPException) as error:
        faults.append(f"{o} with {sorted(headers)}: no answer: {error!r}")
        return 0
    finally:
        connection.close()
    if status >= 400:
        for fault in document.reply_faults(o, status, kind, json.loads(text)) if "json" in kind else [f"is {kind}"]:
            faults.append(f"{o} {status}: {fault}")
    return status


def by_socket(o, headers):
    return ask(rest.UnixConnection(sys.argv[2], 20), o, headers)


def by_webd(o, headers):
    context = ssl._create_unverified_context()
    return ask(http.client.HTTPSConnection("127.0.0.1", int(sys.argv[4]), context=context, timeout=80), o, headers)


def audit_total():
    return root.get("/audit?limit=1")["total"]


def judge(who, o, status, is_allowed):
    if status >= 500 and not (status == 503 and o.path in ("/readyz",)):
        faults.append(f"{who}: {o}: {status}")
    if is_allowed and status in (401, 403) and not is_own_refusal(who, o):
        faults.append(f"{who}: {o}: refused with {status}, but may")
    if not is_allowed and status not in (401, 403):
        faults.append(f"{who}: {o}: {status}, but may not")


def is_own_refusal(who, o):
    """Refusals of the route itself: a wrong password, a password of somebody who has none."""
    return o.id in ("login", "setup", "changeOwnPassword")


def try_all(who, headers, rank):
    for o in document.operations:
        before = audit_total() if o.is_change and rank else 0
        status = by_socket(o, headers)
        is_allowed = o.role == "public" or rank >= RANK[o.role]
        judge(who, o, status, is_allowed)
        if not is_allowed and rank == 0 and status not in (0, 401):
            faults.append(f"{who}: {o}: {status} instead of 401")
        if o.is_change and rank and (not is_allowed or "dry_run" not in document.query_names(o)):
            if audit_total() <= before:
                faults.append(f"{who}: {o} ({status}) left no audit row")


def accounted_for(first_id):
    """Refusals of people who are not known: so many rows, and those that the rows say are not listed. The row of an
    expired token names the token, but nobody's rights."""
    rows = [r for r in root.all(f"/audit?after_id={first_id}") if r["role"] == "public"]
    held = [re.search(r"\((\d+) refused requests before this one are not listed\)", r["summary"]) for r in rows]
    return len(rows) + sum(int(h.group(1)) for h in held if h)


def try_unknown():
    """A flood of refusals does not fill the trail, but none is forgotten."""
    first_id = max((r["id"] for r in root.get("/audit?sort=-id&limit=1")["items"]), default=0)
    try_all("nobody", {}, 0)
    try_all("a garbage token", {"Authorization": "Bearer slc_garbage"}, 0)
    try_all("an expired token", old, 0)
    count = 3 * sum(o.is_change for o in document.operations)
    one = next(o for o in document.operations if o.id == "createVolume")
    end = time.monotonic() + 120
    while (seen := accounted_for(first_id)) < count and time.monotonic() < end:
        time.sleep(0.6)
        by_socket(one, {})
        count += 1
    if seen < count:
        faults.append(f"of {count} refused changes the audit trail accounts for {seen}")


def token(name, role):
    return {"Authorization": "Bearer " + root.change("POST", "/tokens", {"name": name, "role": role,
                                                                          "expires_in_s": 600})["token"]}


def expire(name):
    database = sqlite3.connect(sys.argv[3], timeout=10)
    with database:
        database.execute("UPDATE tokens SET expires_ms = 1000 WHERE name = ?", (name,))
    database.close()


def log_in():
    root.change("POST", "/users", {"name": "anna", "role": "admin", "password": PASSWORD})
    return rest.Rest(sys.argv[2]).change("POST", "/login", {"user": "anna", "password": PASSWORD})


def try_session(session):
    cookie = {"Cookie": "__Host-sluice=" + session["session"]}
    for o in document.operations:
        if o.id == "logout":
            continue
        for who, headers, send in (("a session without its CSRF token", cookie, by_socket),
                                   ("a session with a wrong CSRF token", {**cookie, "X-CSRF-Token": "x" * 43}, by_socket),
                                   ("another origin", {**cookie, "X-CSRF-Token": session["csrf_token"],
                                                       "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
                                    by_webd)):
            if o.role == "public" and send is by_socket:
                continue
            is_allowed = o.method == "GET"
            judge(who, o, send(o, headers), is_allowed)


session = log_in()
viewer, operator, admin, old = (token(n, r) for n, r in (("v", "viewer"), ("o", "operator"), ("a", "admin"), ("x", "admin")))
expire("x")
try_unknown()
try_all("viewer", viewer, 1)
try_all("operator", operator, 2)
try_all("admin", admin, 3)
try_session(session)
for fault in sorted(set(faults)):
    print(fault)
verified = root.change("POST", "/audit/verify")
print(f"{asked} requests, {len(set(faults))} faults, audit chain: {verified}")
sys.exit(1 if faults or not verified["is_whole"] else 0)
