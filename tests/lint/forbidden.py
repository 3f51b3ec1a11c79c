#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""forbidden.py - calls and words that this project does not use, each with the reason or the replacement."""
import os
import re
import sys

import source

CALLS = {
    "atoi": "it cannot say that the text is no number: parse.h",
    "atol": "it cannot say that the text is no number: parse.h",
    "strcpy": "no bound: snprintf()",
    "strcat": "no bound: snprintf()",
    "sprintf": "no bound: snprintf()",
    "vsprintf": "no bound: vsnprintf()",
    "strncpy": "it may leave the text without its end: snprintf()",
    "strtok": "hidden state",
    "system": "a shell",
    "popen": "a shell",
    "alloca": "stack of unknown size",
    "gets": "no bound",
    "tmpnam": "a race",
    "mktemp": "a race: mkstemp()",
    "rand": "not seeded by env: env_random_u64()",
    "clock_gettime": "clock.h",
    "gettimeofday": "clock.h",
    "time": "clock.h",
}
CLOCK_CALLS = {"clock_gettime", "gettimeofday", "time"}
# The daemon's threads wait on events; a sleep is only right where the event cannot be awaited.
SLEEPS = {"sleep", "usleep", "nanosleep"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
# Put together so that this file does not find itself.
MACHINE_PATHS = re.compile("|".join(["/wo" + "rk/", "/ro" + "ot/", "/fa" + "rm/", "/ho" + "me/[a-z]"]))


def enclosing(parts, line):
    for name, first, last in parts:
        if first <= line <= last:
            return name
    return ""


def check_calls(path, text):
    code = source.code_only(text)
    parts = list(source.functions(text))
    is_clock = path == "common/clock.c"
    for number, line in enumerate(code.split("\n"), 1):
        for m in re.finditer(r"(?<![\w.>])([a-z_]+)\s*\(", line):
            name = m.group(1)
            if name == "rand" and path.startswith("tests/"):
                continue # with a fixed seed
            if name in CALLS and not (name in CLOCK_CALLS and is_clock):
                yield f"{path}:{number}: {name}() is not used here ({CALLS[name]})"
            elif name == "exit" and enclosing(parts, number) != "main" and not path.startswith("tests/"):
                yield f"{path}:{number}: exit() only in main(): return an error"
            elif name in SLEEPS and not path.startswith("tests/"):
                yield f"{path}:{number}: {name}(): wait for an event or set a timer"
        if re.search(r"\bNDEBUG\b", line):
            yield f"{path}:{number}: assertions stay on: NDEBUG is never set"


def check_sense(path, text):
    """Sense codes: names and numbers of keys and additional codes live in sense.c alone."""
    if not path.startswith("filterd/") or path in ("filterd/scsi/sense.c",):
        return
    code = source.code_only(text)
    for number, line in enumerate(code.split("\n"), 1):
        if re.search(r"0x[0-9a-fA-F]{1,2}\s*,\s*0x[0-9a-fA-F]{2}\s*,\s*0x[0-9a-fA-F]{2}\s*\)", line) and \
                re.search(r"sense|check_condition", line):
            yield f"{path}:{number}: a sense code outside filterd/scsi/sense.c"
        if re.search(r"#define\s+\w*(ASC|SENSE_KEY)_\w+\s+0x|\bsense\s*\[\s*(2|12|13)\s*\]\s*=", line):
            yield f"{path}:{number}: a sense code outside filterd/scsi/sense.c"


def main():
    findings = []
    for path in source.files(".c", ".h"):
        text = source.read(path)
        findings += check_calls(path, text)
        findings += check_sense(path, text)
    for path in source.files():
        if not path.endswith(source.TEXT_ENDS) and os.path.basename(path) not in ("Makefile", "run"):
            continue
        for number, line in enumerate(source.read(path).split("\n"), 1):
            if UNFINISHED.search(line) and path != "tests/lint/forbidden.py" and path != "HACKING.md":
                findings.append(f"{path}:{number}: unfinished: {line.strip()[:60]}")
            m = MACHINE_PATHS.search(line)
            if m:
                findings.append(f"{path}:{number}: {m.group(0)} is a path of one machine")
    return source.report(findings)


sys.exit(main())
