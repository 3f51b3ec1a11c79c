#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""docs/openapi.yaml says what it must about every route, and its own examples are right."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import openapi  # noqa: E402

document = openapi.Document()
faults = []


def refs(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def check_operation(o):
    if o.role not in ("public", "viewer", "operator", "admin"):
        faults.append(f"{o}: x-role {o.role}")
    if not o.body.get("summary") or not o.body.get("tags"):
        faults.append(f"{o}: no summary or tags")
    if "default" not in o.body["responses"]:
        faults.append(f"{o}: refusals are not documented")
    if (o.role == "public") != (o.body.get("security") == []):
        faults.append(f"{o}: security and x-role differ")
    names = {p["name"] for p in map(document.resolve, o.parameters) if p["in"] == "path"}
    wanted = {part[1:-1] for part in o.path.split("/") if part.startswith("{")}
    if names != wanted:
        faults.append(f"{o}: path parameters {names} instead of {wanted}")


def check_closed(node, where):
    """An object with members that are named has no others."""
    if isinstance(node, dict):
        if "properties" in node and node.get("type") == "object" and node.get("additionalProperties") is not False:
            faults.append(f"{where}: may have members that are not named")
        for key, value in node.items():
            check_closed(value, f"{where}.{key}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            check_closed(value, f"{where}[{i}]")


for operation in document.operations:
    check_operation(operation)
ids = [o.id for o in document.operations]
if len(ids) != len(set(ids)):
    faults.append("an operationId comes twice")
used = set(refs(document.root))
for kind, parts in document.root["components"].items():
    for name, part in parts.items():
        here = f"#/components/{kind}/{name}"
        if kind != "securitySchemes" and here not in used:
            faults.append(f"{here} is used nowhere")
        if kind == "schemas":
            check_closed(part, name)
            for example in part.get("examples", []):
                faults += [f"example of {name}: {f}" for f in document.faults(part, example, "")]
for ref in used:
    try:
        document.resolve({"$ref": ref})
    except KeyError:
        faults.append(f"{ref} leads nowhere")
for fault in faults:
    print(fault)
print(f"{len(document.operations)} routes, {len(faults)} faults")
sys.exit(1 if faults else 0)
