#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Walks every route of the running server; called by the script of the same name.

    test-openapi-matches-server.py SOCKET ROUTES WEB_SOCKET SETUP_TOKEN_FILE

Every reply is held against docs/openapi.yaml; at the end every route must have answered with success.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import openapi  # noqa: E402
import walk  # noqa: E402

document = openapi.Document()
w = walk.Walker(document, sys.argv[1])


def compare_routes(lines):
    served = {}
    for line in lines:
        method, path, role, reads, query = line.split()
        served[f"{method} {path}"] = (role, reads == "reads", set(query.split(",")) - {"-"})
    documented = {str(o): o for o in document.operations}
    for name in served.keys() - documented.keys():
        w.faults.append(f"{name} is served and not documented")
    for name in documented.keys() - served.keys():
        w.faults.append(f"{name} is documented and not served")
    for name in served.keys() & documented.keys():
        role, _, query = served[name]
        o = documented[name]
        if role != o.role:
            w.faults.append(f"{name}: role {role} is served, {o.role} documented")
        own = document.query_names(o) - {"dry_run"}
        if "*" in query:  # a list: its columns are tried out
            query = query - {"*"} | {n for n in own if n not in query}
        if query != own:
            w.faults.append(f"{name}: takes the query names {sorted(query)}, documented are {sorted(own)}")


with open(sys.argv[2], encoding="utf-8") as f:
    compare_routes(f.read().splitlines())
with open(sys.argv[4], encoding="utf-8") as f:
    walk.browser(w, sys.argv[3], f.read().strip())
walk.populate(w)
walk.read_everything(w)
walk.close_session(w)
walk.change_everything(w)
walk.alerts(w)
walk.cancel(w)
walk.dry_runs(w)
walk.refusals(w)
walk.edges(w)
walk.delete_everything(w)
for operation in document.operations:
    if operation.id not in w.good and not operation.needs_peer:
        w.faults.append(f"{operation} never answered with success; last: {w.last.get(operation.id)}")
for fault in sorted(set(w.faults)):
    print(fault)
print(f"{w.replies} replies of {len(w.good)} routes, {len(set(w.faults))} faults")
sys.exit(1 if w.faults else 0)
