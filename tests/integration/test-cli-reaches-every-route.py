#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares the commands' table, as "sluice help --routes" prints it, with docs/openapi.yaml."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import openapi  # noqa: E402

document = openapi.Document()
# What is not an argument: paging and dry runs are options of every command, filters are --where.
COMMON = {"limit", "cursor", "sort", "q", "after_id", "dry_run", "confirm"}
# The whole body is a file, or a stream.
WHOLE = {"diffConfig", "applyConfig", "putVolumeContent"}
faults, commands = [], {}
for line in sys.stdin.read().splitlines():
    route, words, arguments = line.split("\t")
    method, path = route.split(" ")
    commands.setdefault((method, path), []).append((words, {tuple(a.split(":")) for a in arguments.split()}))


def body_members(o):
    content = o.body.get("requestBody", {}).get("content", {}).get("application/json")
    return set(document.resolve(content["schema"]).get("properties", {})) if content else set()


for o in document.operations:
    own = commands.pop((o.method, o.path), None)
    if not own:
        faults.append(f"{o}: no command")
        continue
    given = set().union(*(arguments for _, arguments in own))
    members, query = body_members(o), document.query_names(o)
    columns = {p["name"] for p in o.parameters if "$ref" not in p}
    for place, allowed in (("body", members), ("query", query), ("path", {x[1:-1] for x in o.path.split("/") if "{" in x})):
        for name in {n for p, n in given if p == place} - allowed:
            if o.id not in WHOLE:
                faults.append(f"{own[0][0]}: sends {place} {name}, which {o} does not take")
    is_list = "cursor" in query
    missing = {("body", m) for m in members if o.id not in WHOLE}
    missing |= {("query", q) for q in query - COMMON - (columns if is_list else set())}
    for place, name in sorted(missing - given):
        faults.append(f"{own[0][0]}: no argument for {place} {name} of {o}")
for (method, path), own in commands.items():
    faults.append(f"{own[0][0]}: {method} {path} is not documented")
for fault in faults:
    print(fault)
print(f"{len(document.operations)} routes, {len(faults)} faults")
sys.exit(1 if faults else 0)
