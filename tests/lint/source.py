# SPDX-License-Identifier: MIT
"""source.py - what the checks of this folder share: the files, their code without words, their functions."""
import os
import re

SKIP_FILES = {"compile_commands.json"}
SKIP_DIRS = {".git", "build", "node_modules", "__pycache__"}
TEXT_ENDS = (".c", ".h", ".def", ".mk", ".sh", ".py", ".md", ".pml", ".json", ".yaml", ".yml", ".txt",
             ".service", ".conf", ".sql", ".js", ".mjs", ".css", ".html", ".list")


def files(*ends):
    """Paths of the repository's files, relative to its root, sorted."""
    found = []
    for folder, dirs, names in os.walk("."):
        dirs[:] = sorted(d for d in dirs if d not in SKIP_DIRS)
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), ".")
            if name not in SKIP_FILES and (not ends or path.endswith(ends)):
                found.append(path)
    return sorted(found)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


_WORDS = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)


def code_only(text):
    """The text with comments, strings and character constants blanked; line numbers stay."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m.group(0))
    return _WORDS.sub(blank, text)


def functions(text):
    """Yields (name, first line, last line) of each function of a C file in this project's layout:
    the opening and the closing brace of a function stand alone in column 0."""
    lines = text.split("\n")
    start = None
    for i, line in enumerate(lines):
        if line.rstrip() == "{" and start is None:
            start = i
            while start > 0 and lines[start - 1].strip() and not lines[start - 1].startswith(("}", "#", "*", " *", "/*")):
                start -= 1
            head = " ".join(lines[start:i])
            m = re.search(r"(\w+)\s*\(", head)
            name = m.group(1) if m else "?"
        elif line.startswith("}") and start is not None:
            yield name, start + 1, i + 1
            start = None


def report(findings):
    """Prints "path:line: text" of each and returns the exit status."""
    for finding in findings:
        print(finding)
    return 1 if findings else 0
