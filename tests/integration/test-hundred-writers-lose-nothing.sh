#!/bin/bash
# SPDX-License-Identifier: MIT
# A hundred clients change one object at once, each with If-Match: exactly one wins each revision, the others are
# told 412, nobody sees a 5xx, and every accepted change is in the end result. A hundred creates of one name: one wins.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"

start_appliance
host_make shared "$INITIATOR"
cat >"$T/writers.py" <<'PY'
import collections, os, sys, threading
sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests", "lib"))
import rest
api_path, writers = sys.argv[1], 100
statuses, wins, lock = collections.Counter(), [], threading.Lock()

def add_line(number):
    api = rest.Rest(api_path, 120)
    while True:
        try:
            status, row, headers = api.ask("GET", "/hosts/shared")
            assert status == 200, (status, row)
            text = row["description"] + f"{number};"
            status, answer, _ = api.ask("PATCH", "/hosts/shared", {"description": text}, {"If-Match": headers["ETag"]})
        except rest.Gone:
            with lock:
                statuses["gone"] += 1
            continue
        with lock:
            statuses[status] += 1
        if status < 300:
            with lock:
                wins.append(answer["revision"])
            return
        if status not in (412, 429, 503):
            raise AssertionError((status, answer))

def create(number):
    status, answer, _ = rest.Rest(api_path, 120).ask("POST", "/hosts", {"name": "one", "iqn": f"iqn.2026-01.test:one{number}"})
    with lock:
        statuses[f"create {status}"] += 1

for work in (add_line, create):
    threads = [threading.Thread(target=work, args=(n,)) for n in range(writers)]
    for t in threads: t.start()
    for t in threads: t.join()
row = rest.Rest(api_path).get("/hosts/shared")
numbers = sorted(int(n) for n in row["description"].split(";") if n)
print(dict(statuses))
assert numbers == list(range(writers)), f"lost or doubled: {numbers}"
assert len(set(wins)) == writers, "two writers got the same revision"
good = sum(n for s, n in statuses.items() if s in ("create 200", "create 201", "create 202"))
assert good == 1, f"{good} of a hundred creates of one name were accepted"
assert statuses["create 409"] == writers - 1, statuses
PY
timeout 300 /usr/bin/python3 "$T/writers.py" "$POLICYD_SOCKET" || die "see above"
