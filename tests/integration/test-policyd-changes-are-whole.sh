#!/bin/bash
# SPDX-License-Identifier: MIT
# A change happens whole, once, and leaves its audit row: 100 writers with If-Match on one row, repeated
# Idempotency-Keys, dry runs that leave no trace, and a kill between the commit and the answer.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"

cat >"$T/writers.py" <<'EOF2'
import sys, threading
from rest import Rest

run = sys.argv[1]
rest = Rest(run + "/policyd.sock")
GROUP = "/host-groups/crowd"


def want(status, answer, code=None):
    got, body, _ = answer
    assert got == status and (code is None or body["code"] == code), f"{got} instead of {status} {code or ''}: {body}"
    return answer


# Of 100 writers with the same revision exactly one wins each round, and nothing else goes wrong.
body = {"name": "crowd", "description": "0"}
want(202, rest.ask("POST", "/host-groups", body))
made = rest.get(GROUP)
assert made["revision"] == 1
for round_ in range(5):
    tag = rest.ask("GET", GROUP)[2]["ETag"]
    answers, gate = [], threading.Barrier(50)

    def write(i):
        gate.wait()
        for k in range(2):
            answers.append((i, rest.ask("PATCH", GROUP, {"description": f"{round_}.{i}.{k}"}, {"If-Match": tag})))
    threads = [threading.Thread(target=write, args=(i,)) for i in range(50)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    won = [a for _, a in answers if a[0] < 300]
    assert len(answers) == 100 and len(won) == 1, [a[0] for _, a in answers]
    assert {a[0] for _, a in answers} == {won[0][0], 412}, {a[0] for _, a in answers}
    assert all(a[1]["code"] == "revision_mismatch" for _, a in answers if a[0] == 412)
    now = rest.get(GROUP)
    assert now["revision"] == round_ + 2 and now["description"] == won[0][1]["description"], now
rows = [r for r in rest.all("/audit") if r["method"] == "PATCH"]
assert len(rows) == 500 and sum(r["status"] < 300 for r in rows) == 5, len(rows)
want(412, rest.ask("DELETE", GROUP, headers={"If-Match": '"1"'}))

# Without If-Match every one of 100 is done, one after the other.
answers = []
threads = [threading.Thread(target=lambda i=i: answers.append(rest.ask("PATCH", GROUP, {"description": str(i)})[0])) for i in range(100)]
for t in threads:
    t.start()
for t in threads:
    t.join()
assert all(a < 300 for a in answers) and rest.get(GROUP)["revision"] == 106, answers

# The same key: done once, answered alike; another body with it is refused; another key is another request.
key = {"Idempotency-Key": "order-1"}
token = {"name": "once", "role": "viewer", "expires_in_s": 3600}
first = want(201, rest.ask("POST", "/tokens", token, key))
again = want(201, rest.ask("POST", "/tokens", token, key))
assert first[1] == again[1] and first[2]["Location"] == again[2]["Location"], (first, again)
want(422, rest.ask("POST", "/tokens", {**token, "name": "twice"}, key), "idempotency_mismatch")
want(409, rest.ask("POST", "/tokens", token, {"Idempotency-Key": "order-2"}), "exists")
want(409, rest.ask("POST", "/tokens", token), "exists")
want(409, rest.ask("POST", "/tokens", token, {"Idempotency-Key": "order-2"}), "exists")  # a refusal is not kept
answers = []
threads = [threading.Thread(target=lambda: answers.append(rest.ask("POST", "/tokens", {**token, "name": "race"}, {"Idempotency-Key": "race"}))) for _ in range(20)]
for t in threads:
    t.start()
for t in threads:
    t.join()
assert {a[0] for a in answers} == {201} and len({a[1]["token"] for a in answers}) == 1
assert rest.get("/tokens")["total"] == 2
bearer = {"Authorization": "Bearer " + first[1]["token"]}
assert want(200, rest.ask("GET", "/me", headers=bearer))[1]["role"] == "viewer"

# A dry run says what would be, and leaves no trace.
def everything():
    return [rest.all(p) for p in ("/hosts", "/host-groups", "/tokens", "/users", "/tasks", "/events", "/audit", "/volumes", "/datastores")]
before = everything()
_, body, headers = want(200, rest.ask("POST", "/hosts?dry_run=1", {"name": "h1", "iqn": "iqn.2026-01.org.example:h1"}, {"Idempotency-Key": "dry"}))
assert body["result"]["name"] == "h1" and isinstance(body["plan"], list) and "Location" not in headers, body
want(200, rest.ask("DELETE", GROUP + "?dry_run=true"))
want(200, rest.ask("POST", "/tokens?dry_run=1", {**token, "name": "dry"}))
want(422, rest.ask("POST", "/hosts?dry_run=1", {"name": "h1"}))
want(422, rest.ask("POST", "/hosts?dry_run=perhaps", {"name": "h1", "iqn": "iqn.2026-01.org.example:h1"}))
after = everything()
assert before[:6] == after[:6] and before[7:] == after[7:], "a dry run left a trace"
assert len(after[6]) - len(before[6]) <= 1, "a dry run stands in the audit trail"

# Every change has its row, with who, what, how it ended, and no secret.
rows = rest.all("/audit")
made = [r for r in rows if r["method"] == "POST" and r["path"] == "/api/v1/tokens" and r["status"] == 201]
assert len(made) == 2 and made[0]["actor"] == "root (local)" and made[0]["object_type"] == "token" and made[0]["object_name"] == "once", made
assert first[1]["token"] not in str(rows)
assert rest.ask("POST", "/audit/verify")[1]["is_whole"]
EOF2

cat >"$T/killed.py" <<'EOF2'
import sys, time
from rest import Gone, Rest

# Asks once; says "answered" or "gone". With "again": the same request must be answered now.
rest = Rest(sys.argv[1] + "/policyd.sock", 10)
request = ("POST", "/tokens", {"name": "k" + sys.argv[2], "role": "viewer", "expires_in_s": 3600}, {"Idempotency-Key": "kill-" + sys.argv[2]})
try:
    status, body, _ = rest.ask(*request)
    assert status == 201, (status, body)
    print("answered")
except Gone:
    assert sys.argv[3] == "once"
    print("gone")
if sys.argv[3] == "again":
    tokens = [t for t in rest.all("/tokens") if t["name"] == request[2]["name"]]
    rows = [r for r in rest.all("/audit") if r["status"] == 201 and r["object_name"] == request[2]["name"]]
    assert len(tokens) == 1 and len(rows) == 1, (tokens, rows)
    me = rest.ask("GET", "/me", headers={"Authorization": "Bearer " + body["token"]})
    assert me[0] == 200, "the token of the repeated answer is not the one that was made"
    assert rest.ask("POST", "/audit/verify")[1]["is_whole"]
EOF2
driver() { PYTHONPATH="$ROOT/tests/lib" python3 "$T/$1.py" "$RUN_DIR" "${@:2}"; }

policyd_start
driver writers || die "see above"
policyd_stop

# Killed before every statement of the request in turn: the first kills come before the request, the last not at all.
n=0 gone=0
for at in $(seq 1 60); do
	SLUICE_FAULT=kill:$at start_bg policyd "$B/bin/sluice-policyd" --run-dir "$RUN_DIR" --state-dir "$T/policy" \
		--filterd-socket "$RUN_DIR/no" --tgt-socket "$RUN_DIR/no" --transfer-dir "$T/transfer" --samples-dir "$T/none"
	until [ -z "${PID_OF[policyd]:-}" ] || is_over policyd || policyd_answers >/dev/null 2>&1; do sleep 0.02; done
	if is_over policyd; then
		wait_bg policyd 5
		continue
	fi
	n=$((n + 1))
	result=$(driver killed "$at" once) || die "statement $at"
	[ "$result" != gone ] || gone=$((gone + 1))
	policyd_kill
	policyd_start
	driver killed "$at" again >/dev/null || die "after a kill at statement $at"
	policyd_kill
	[ "$result" = gone ] || break
done
[ "$gone" -ge 3 ] || die "only $gone of $n kills met the request"
policyd_start
policyd_stop
note "$gone kills met the request; each time it was done once and whole"
