#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""mutation-table.py TIMES OUT - docs/mutations.md from what the mutation gates have found (see mutation-table.sh)."""
import glob
import re
import sys

# list of the gate: heading, where the faults stand, their prefix
LISTS = {
    "data path": ("The ring, the device server and the datastore", "common/mutations.def", None),
    "record log": ("The record log", "filterd/log/rlog_mutate.h", "RLOG"),
    "replication": ("Replication", "filterd/filters/replication/repl_mutate.h", "REPL"),
    "layer": ("Snapshots: the layers", "filterd/layer/layer_mutate.h", "LAYER"),
    "whole chain": ("The seams between the filters of a chain", "tests/sim/whole/seam.h", "SEAM"),
    "mclock": ("I/O control: the scheduler", "filterd/filters/io_control/mclock_mutate.h", "MCLOCK"),
    "outer loop": ("I/O control: the outer loop", None, None),
    "s3fifo": ("The cache's eviction", "filterd/filters/cache/s3fifo_mutate.h", "S3FIFO"),
    "models": ("The models", None, None),
}
# list: its invariants, as the faults' comments name them, and how they are called here
FAMILIES = [
    ("data path", [f"RING-{i}" for i in range(1, 7)], "{}"),
    ("record log", [f"W{i}" for i in range(1, 16)], "{}"),
    ("replication", [f"R{i}" for i in range(1, 11)], "{}"),
    ("replication", [f"P{i}" for i in range(1, 9)], "{}"),
    ("layer", [f"LAYER-{i}" for i in range(1, 17)], "{}"),
]
# What looks for these without a fault of their own.
WITHOUT = {
    "RING-5": "test_ring_server_hostile and fuzz_ring_slots: slots that lie",
    "RING-6": "test-module-never-blocks-tgtd.sh and test-tgtd-never-blocks.sh",
    "W12": "test_cache_filter_clean_tier: after a crash nothing in the file counts",
    "W14": "test_rlog_refuses: another owner or generation",
    "LAYER-1": "the simulator of layers reads every snapshot after each kill",
    "LAYER-11": "the simulator of layers, whose flushes and replacements fail too",
    "W15": "test_rlog_space: a full log survives many crashes",
    "R2": "the oracle of both simulators: every mutation of R4 to R7 is seen as a read of older data",
    "P1": "R4's mutation: it is the same rule",
    "P2": "the simulator's check that a term never falls, and R3's mutation",
    "P3": "R6's and R1's mutations",
    "P5": "R5's mutations",
    "P6": "R9's mutation",
    "P7": "R10's mutation, and test-replication-database-is-a-prefix-after-each-kill.sh",
    "P8": "test_encryption_filter_companion, and ENCRYPTION_COMPANION_SKIPPED of the whole chain",
}


def tidy(text):
    return re.sub(r"[\s*]+", " ", text).strip().replace("|", "\\|")


def texts_of(name):
    """fault: what it does"""
    _, path, prefix = LISTS[name]
    out = {}
    if name == "outer loop":
        for file in sorted(glob.glob("filterd/filters/io_control/*.c")):
            for number, text in re.findall(r"CONTROL_MUTATION_(\d+) /\* (.*?) \*/", open(file).read()):
                out[number] = tidy(text)
        return out
    if not path:
        return out
    source = open(path).read()
    if not prefix:
        return {n: tidy(t) for n, t in re.findall(r'^M\((\w+), "(.*)"\)', source, re.M)}
    if prefix == "SEAM":
        pairs = re.findall(r"/\* ((?:(?!\*/).)*?) \*/\s+SEAM_MUTATION_(\w+),", source, re.S)
        return {n: tidy(t) for t, n in pairs}
    pairs = re.findall(prefix + r"_MUTATION_(\w+),\s*/\* (.*?)\s*\*/", source, re.S)
    return {n: tidy(t) for n, t in pairs}


def read_times(path):
    rows = {}
    for line in open(path):
        fields = line.rstrip("\n").split("\t")
        if len(fields) == 5:
            rows.setdefault(fields[0], {})[fields[1]] = fields[2:]
    return rows


def table(name, texts, found):
    names = list(texts) or list(found)
    if not names:
        return ["Not run for this page."]
    lines = ["| fault | what it does | caught by | seconds |", "|---|---|---|---|"]
    for fault in names:
        verdict, seconds, by = found.get(fault, ("", "", ""))
        if verdict == "caught":
            cell = by
        elif verdict:
            cell = f"**{verdict}**"
        else:
            cell, seconds = "not run this time", ""
        lines.append(f"| `{fault}` | {texts.get(fault, '')} | {cell} | {seconds} |")
    return lines


def without(all_texts):
    lines = []
    for name, tags, fmt in FAMILIES:
        said = " ".join(all_texts[name].values())
        for tag in tags:
            if not re.search(rf"(?<![\w-]){re.escape(tag)}(?!\d)", said):
                lines.append(f"- {fmt.format(tag)} ({LISTS[name][0].lower()}): {WITHOUT.get(tag, 'nothing but the tests of that part')}.")
    return lines


def main():
    found = read_times(sys.argv[1])
    texts = {name: texts_of(name) for name in LISTS}
    rows = [v for per in found.values() for v in per.values()]
    caught = sum(1 for v in rows if v[0] == "caught")
    out = [
        "# Deliberate faults",
        "",
        "For each rule that the product must keep there is, where that can be done, a fault that breaks it on purpose, compiled in",
        "for that one run. Its suite must fail: a test that cannot see the fault proves nothing. `make check` runs all of them;",
        "`scripts/mutation-table.sh` writes this page. The seconds are from the start of the search to the failure, on a machine",
        "that may be busy, without the time to build; a seed is the first one that failed, in the order of the suite's short form.",
        "",
        f"{len(rows)} faults were tried for this page, {caught} were caught.",
    ]
    for name, (title, path, _) in LISTS.items():
        out += ["", f"## {title}", ""]
        if path:
            out += [f"Listed in `{path}`.", ""]
        out += table(name, texts[name], found.get(name, {}))
    out += ["", "## Invariants without a fault of their own", "",
            "No fault names these; what looks for them instead:", ""]
    out += without(texts)
    open(sys.argv[2], "w").write("\n".join(out) + "\n")


main()
