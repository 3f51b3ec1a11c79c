#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""md2man.py FILTER FILE.md: a filter's page as sluice-filter-FILTER(7), in mdoc.

A filter's .md is what its writer keeps right; the manual page is made of it, so that there is one truth. Known here:
headings, paragraphs, tables, indented and fenced code, lists, `code`, **strong**, [text](link).
"""
import re
import sys
import textwrap


def escape(text):
    return text.replace("\\", "\\e")


def inline(text):
    """Markdown within a line to roff: no macros, so that any punctuation may follow."""
    text = escape(text.replace("\\|", "|"))
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text)
    text = re.sub(r"\*\*([^*]*)\*\*", r"\\fB\1\\fR", text)
    text = re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*", r"\\fI\1\\fR", text)
    return text


def guard(line):
    return "\\&" + line if line[:1] in (".", "'") else line


def sentences(text):
    """A new sentence begins a new line, as mdoc wants it."""
    text = inline(" ".join(text.split()))
    parts = re.split(r"(?<=[.!?]) +(?=[^a-z ])", text)
    return [guard(line) for part in parts for line in
            textwrap.wrap(part, 72, break_long_words=False, break_on_hyphens=False)]


def paragraph(out, lines):
    if lines:
        if not out[-1].startswith((".Sh", ".Ss", ".It", ".Pp")):
            out.append(".Pp")
        out.extend(sentences(" ".join(lines)))


def table(out, rows):
    """The first column is the term, the others what is said of it."""
    cells = [[c.strip() for c in re.split(r"(?<!\\)\|", row.strip().strip("|"))] for row in rows]
    head, body = cells[0], cells[2:]
    out.append(".Bl -tag -width Ds")
    for row in body:
        out.append(".It " + inline(row[0]).replace(" , ", " ,\\& "))
        said = []
        for name, cell in zip(head[1:], row[1:]):
            if cell:
                said.append(f"{name}: {cell}" if name and name not in ("a write",) else cell)
        out.extend(sentences("; ".join(said)) if said else ["\\&"])
    out.append(".El")


def code(out, lines):
    out.append(".Bd -literal -offset indent")
    out.extend(guard(escape(line)) if line else "\\&" for line in lines)
    out.append(".Ed")


def item_list(out, items):
    out.append(".Bl -bullet")
    for item in items:
        out.append(".It")
        out.extend(sentences(item))
    out.append(".El")


def blocks(text):
    """(kind, lines) one after the other."""
    kind, kept = None, []
    fenced = False
    for line in text.split("\n") + [""]:
        if line.startswith("```"):
            if fenced:
                yield "code", kept
            elif kept:
                yield kind, kept
            fenced, kind, kept = not fenced, None, []
            continue
        if fenced:
            kept.append(line)
            continue
        now = ("head" if line.startswith("#") else "table" if line.lstrip().startswith("|") else
               "code" if line.startswith("    ") and kind != "list" else
               "list" if re.match(r"(-|\d+\.) ", line) or (kind == "list" and line.startswith("  ")) else
               None if not line.strip() else "text" if kind not in ("list",) else "list")
        if now != kind or now == "head":
            if kept:
                yield kind, kept
            kept = []
        kind = now
        if now:
            kept.append(line)


def main():
    name, path = sys.argv[1], sys.argv[2]
    text = open(path, encoding="utf-8").read()
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    body = re.sub(r"\A\s*# .*\n", "", text).strip()
    first = re.split(r"[.\n]", body)[0]
    out = [".\\\" SPDX-License-Identifier: MIT", f".\\\" Made of {name}.md.", ".Dd November 22, 2026",
           f".Dt SLUICE-FILTER-{name.upper()} 7", ".Os", ".Sh NAME", f".Nm sluice-filter-{name}",
           f".Nd {inline(first[:1].lower() + first[1:])}", ".Sh DESCRIPTION"]
    for kind, lines in blocks(body):
        if kind == "head":
            out.append((".Sh " if lines[0].startswith("## ") else ".Ss ") +
                       inline(lines[0].lstrip("# ").upper() if lines[0].startswith("## ") else lines[0].lstrip("# ")))
        elif kind == "table":
            table(out, lines)
        elif kind == "code":
            code(out, [line[4:] if line.startswith("    ") else line for line in lines])
        elif kind == "list":
            item_list(out, re.split(r"\n(?:-|\d+\.) ", "\n" + "\n".join(lines))[1:])
        else:
            paragraph(out, lines)
    out += [".Sh SEE ALSO", ".Xr sluice 1 ,", ".Xr sluice-policy 5 ,", ".Xr sluice-filterd 8"]
    print("\n".join(out))


if __name__ == "__main__":
    main()
