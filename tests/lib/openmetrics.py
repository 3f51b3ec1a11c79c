# SPDX-License-Identifier: MIT
"""openmetrics.py FILE - is this text what OpenMetrics 1.0 allows? Prints what is wrong; exit 1."""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'^({NAME})(\{{({NAME}="(?:[^"\\\n]|\\["\\n])*",?)+\}})? -?[0-9][0-9.eE+-]*$')


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    faults, types, helps, seen, current = [], {}, set(), set(), None
    if not text.endswith("# EOF\n") or text.count("# EOF") != 1:
        faults.append("it does not end with one # EOF")
    for number, line in enumerate(text.split("\n")[:-2], 1):
        words = line.split(" ", 3)
        if line.startswith("# "):
            kind, name = words[1], words[2]
            if name != current and name in types:
                faults.append(f"{number}: family {name} is begun twice")
            current = name
            if kind == "TYPE":
                types[name] = words[3]
            elif kind == "HELP":
                helps.add(name)
            elif kind == "UNIT" and not name.endswith("_" + words[3]):
                faults.append(f"{number}: {name} does not end in its unit {words[3]}")
            continue
        match = SAMPLE.match(line)
        if not match:
            faults.append(f"{number}: no sample: {line}")
            continue
        if match.group(1) != current or current not in types or current not in helps:
            faults.append(f"{number}: {match.group(1)} stands outside its family")
        key = (match.group(1), match.group(2))
        if key in seen:
            faults.append(f"{number}: {key} comes twice")
        seen.add(key)
    for fault in faults:
        print(fault)
    return 1 if faults or not seen else 0


sys.exit(main())
