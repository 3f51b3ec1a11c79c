#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""includes.py - which folder may see which. The table is HACKING.md's "Include rules" in another form.

A header in quotes is looked for where the compiler would: beside the file, then in the allowed folders.
One that exists only elsewhere is a breach, and the message says where it lives.
"""
import os
import re
import sys

import source

WIRE = "include/wire"
SDK = "include/sluice"
HEADER_OF_LIBC_ONLY = re.compile(r"^(jansson|assert|errno|immintrin|inttypes|limits|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|"
                                 r"stdio|stdlib|string|strings|ctype)\.h$")

# Files of a pure folder that are its door to the system, with the reason.
DOORS = {
    "filterd/ring/ring_map.c",  # seals and maps the memory that a client hands over
    "filterd/log/rlog_remove.c",  # unlink(): a log without an env
    "policy/model/address.c",  # inet_pton() and inet_ntop(): they stand beside sockets and touch none
}

# The longest matching folder counts. "seen" are folders whose headers may be included beside one's own.
RULES = {
    "include": dict(seen=[WIRE, SDK], pure=True),
    "common": dict(seen=[]),
    "common/ctl": dict(seen=[WIRE, "common"]),
    "common/net": dict(seen=["common"]),
    "target": dict(seen=[WIRE, "common"], tgt=True),
    "filterd": dict(seen=[WIRE, SDK, "common", "filterd/env", "filterd/ring", "filterd/scsi", "filterd/chain",
                          "filterd/plugin", "filterd/backend", "filterd/layer", "filterd/volume", "filterd/net", "filterd/ctl", "filterd/log", "common/ctl",
                          "filterd"]),
    "filterd/env": dict(seen=["common"]),
    "filterd/ring": dict(seen=[WIRE, "common", "filterd/env"], pure=True),
    "filterd/scsi": dict(seen=[SDK, "common", "filterd/env"], pure=True),
    "filterd/backend": dict(seen=[SDK, "common", "filterd/env"], pure=True),
    "filterd/layer": dict(seen=[SDK, "common", "filterd/env", "filterd/backend"]),
    "filterd/chain": dict(seen=[SDK, "common", "filterd/env", "filterd/backend", "filterd/log"], pure=True),
    "filterd/net": dict(seen=[WIRE, SDK, "common", "filterd/env", "filterd/chain"]),
    "filterd/plugin": dict(seen=[SDK, "common"]),
    "filterd/filters": dict(seen=[SDK]),
    "filterd/filters/replication": dict(seen=[SDK, WIRE]),
    "filterd/log": dict(seen=[SDK, "common", "filterd/env"], pure=True),
    "filterd/logcheck": dict(seen=[SDK, "common", "filterd/log"]),
    "filterd/ctl": dict(seen=[WIRE, "common", "common/ctl", "filterd/ctl"]),
    "db": dict(seen=["common"], sqlite=True),
    "policy": dict(seen=["common", "common/ctl", "common/net", "db", WIRE, "policy/model", "policy/plan", "policy/apply",
                         "policy/http", "policy/rest", "policy/keys", "policy"]),
    "policy/keys": dict(seen=["common", "common/ctl", WIRE, "db", "policy/apply"]),
    "policy/model": dict(seen=["common"], pure=True),
    "policy/plan": dict(seen=["common", "policy/model"], pure=True),
    "policy/egress": dict(seen=["common", "common/ctl", "common/net", WIRE]),
    "web": dict(seen=["common", "common/net", "web/gateway"]),
    "policy/cli": dict(seen=["common", "common/net", "policy/cli"]),
}


def rule_of(folder):
    while folder:
        if folder in RULES:
            return RULES[folder]
        folder = os.path.dirname(folder)
    return None


def check_quoted(path, name, rule, where):
    folder = os.path.dirname(path)
    if os.path.exists(os.path.join(folder, name)):
        return None
    homes = where.get(os.path.basename(name), [])
    homes = [h for h in homes if h == name or h.endswith("/" + name)]
    if any(os.path.dirname(h) in rule["seen"] for h in homes):
        return None
    if not homes:
        return f'"{name}" is no header of this repository; system headers go in angle brackets'
    return f'{folder}/ may not include "{name}" of {os.path.dirname(homes[0])}/'


def check_system(path, name, rule):
    if name == "sqlite3.h" and not rule.get("sqlite"):
        return "only db/ may include <sqlite3.h>"
    if rule.get("pure") and path not in DOORS and not HEADER_OF_LIBC_ONLY.match(name):
        return f"<{name}> reaches the system; this folder takes time, disk and threads from env.h alone"
    if re.match(r"(usr/)?(tgtd|bs_thread|scsi|spc|target|tgtadm_error|log|util)\.h$", name) and path != "target/tgt.h":
        return f"<{name}> is tgt's; only target/tgt.h may include it"
    return None


def main():
    where = {}
    for path in source.files(".h", ".def"):
        where.setdefault(os.path.basename(path), []).append(path)
    findings = []
    for path in source.files(".c", ".h"):
        rule = rule_of(os.path.dirname(path))
        if rule is None:
            continue
        for number, line in enumerate(source.read(path).split("\n"), 1):
            m = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
            if not m:
                continue
            if m.group(1) == '"':
                fault = check_quoted(path, m.group(2), rule, where)
            else:
                fault = check_system(path, m.group(2), rule)
            if fault:
                findings.append(f"{path}:{number}: {fault}")
    return source.report(findings)


sys.exit(main())
