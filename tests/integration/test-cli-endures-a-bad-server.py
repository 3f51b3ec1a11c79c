#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A server that misbehaves on a Unix socket, and sluice in front of it; called by the script of the same name.

    test-cli-endures-a-bad-server.py PROGRAM
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading

PROGRAM = sys.argv[1]
folder = tempfile.mkdtemp(prefix="sluice-cli.")
path = os.path.join(folder, "socket")
requests = []
faults = []
TASK = {"id": 7, "kind": "volume.create", "object_name": "v", "progress_pct": 50, "text": "works", "error_text": ""}


def reply(status, body, kind="application/json", length=None):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(data) if length is None else length}\r\n"
    return (head + "Connection: close\r\n\r\n").encode() + data


def problem(status, **more):
    return reply(status, {"title": "t", "status": status, "code": "c", "detail": "because", **more}, "application/problem+json")


def page(request):
    """Three pages of one item."""
    at = int(request.split("cursor=")[1][0]) if "cursor=" in request else 0
    return reply(200, {"items": [{"name": f"v{at}"}], "total": 3, "next_cursor": str(at + 1) if at < 2 else None})


def volumes(row):
    return reply(200, {"items": [row], "next_cursor": None, "total": 1})


EVIL = "\x1b[2J\x1b]0;x\x07\r\n\u009b"
# what is asked: [words], answers in order (the last one again and again), exit code, part of what is said
CASES = [
    ("garbage", ["volume", "show", "v"], [reply(200, b"{not json")], 0, ""),
    ("an array for an object", ["volume", "show", "v"], [reply(200, [1, 2])], 0, ""),
    ("a number for a list", ["volume", "list"], [reply(200, 5)], 0, "There is none."),
    ("items of the wrong type", ["volume", "list"], [reply(200, {"items": [1, None, "x"], "next_cursor": None})], 0, "NAME"),
    ("members of the wrong type", ["volume", "list"],
     [volumes({"name": {"a": [1]}, "size_bytes": "ten", "access": 5, "assignment": [], "compliance": 1})], 0, "a=1"),
    ("nothing at all", ["volume", "list"], [b""], 3, "systemctl status sluice-policyd"),
    ("half an answer", ["volume", "list"], [reply(200, b"{}", length=500)], 3, "policyd"),
    ("no HTTP", ["volume", "list"], [b"SSH-2.0-x\r\n\r\n"], 3, ""),
    ("an error without a word", ["volume", "list"], [reply(500, b"", "text/plain")], 1, "without saying why"),
    ("an error in HTML", ["volume", "list"], [reply(502, b"<html>", "text/html")], 1, "without saying why"),
    ("pages", ["volume", "list"], [page], 0, "v2"),
    ("only one of the pages", ["volume", "list", "--limit", "1"], [page], 0, "v0"),
    ("a task that fails", ["volume", "start", "v"],
     [reply(202, {"task_id": 7}), reply(200, {**TASK, "state": "running"}),
      reply(200, {**TASK, "state": "failed", "error_text": "the disk is gone"})], 1, "the disk is gone"),
    ("a task that is cancelled", ["volume", "start", "v"], [reply(202, {"task_id": 7}), reply(200, {**TASK, "state": "cancelled"})],
     1, "cancelled"),
    ("a task that vanishes", ["volume", "start", "v"], [reply(202, {"task_id": 7}), problem(404)], 1, "because"),
    ("the server goes while it waits", ["volume", "start", "v"], [reply(202, {"task_id": 7}), b""], 3, "policyd"),
    ("text that drives a terminal", ["volume", "list"], [volumes({"name": EVIL, "running_state": EVIL})], 0, "?"),
    ("an object that drives a terminal", ["host", "show", "h"], [reply(200, {"name": EVIL, "addresses": [EVIL]})], 0, "?"),
    ("a refusal that drives a terminal", ["host", "show", "h"], [problem(422, detail=EVIL)], 1, ""),
    ("a task that drives a terminal", ["volume", "start", "v"],
     [reply(202, {"task_id": 7}), reply(200, {**TASK, "state": "failed", "kind": EVIL, "error_text": EVIL})], 1, ""),
    ("help that drives a terminal", ["volume", "connect", "v"],
     [reply(200, {"iqn": EVIL, "lun": 1, "help": [{"title": EVIL, "lines": [EVIL, 5]}, 7]})], 0, "LUN 1"),
    ("figures of the wrong type", ["top", "--once"], [reply(200, {"volumes": [{"name": 5}, 1], "total": [], "at_ms": "x"})], 0, "TOTAL"),
    ("a status of the wrong type", ["status"], [reply(200, {"health": 5, "counts": []}), reply(200, {"items": [5]})], 1, "tgtd"),
    ("events of any kind", ["event", "follow"], [reply(200, b"event: x\ndata: nonsense\n\ndata: [1]\n\n", "text/event-stream")],
     0, "x: -"),
    ("events that are refused", ["event", "follow"], [problem(403)], 1, "whoami"),
    ("changes of the wrong type", ["config", "diff", os.path.join(folder, "doc.json")],
     [reply(200, {"changes": [1, {"action": 5, "members": 3}, {"action": "create", "members": {"a": 1}}]})], 0, ""),
    ("rules of the wrong type", ["policy", "diff", "p"], [reply(200, {"added": [1], "removed": 2, "changed": [{}]})], 0, ""),
]


def serve(server, answers):
    left = list(answers)
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(5)
            try:
                request = connection.recv(65536).decode(errors="replace").split("\r\n")[0]
                answer = left[0] if len(left) == 1 else left.pop(0)
                connection.sendall(answer(request) if callable(answer) else answer)
            except OSError:
                pass


def run(what, words, answers, code, part):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(8)
    thread = threading.Thread(target=serve, args=(server, answers), daemon=True)
    thread.start()
    done = subprocess.run([PROGRAM, "--socket", path] + words, capture_output=True, timeout=120, check=False,
                          stdin=subprocess.DEVNULL)
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    os.unlink(path)
    said = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode != code or part not in said:
        faults.append(f"{what}: exit {done.returncode} instead of {code}: {said!r}")
    if any(c in said for c in "\x1b\x07\r"):
        faults.append(f"{what}: control characters come out: {said!r}")
    return said


with open(os.path.join(folder, "doc.json"), "w", encoding="utf-8") as f:
    f.write("{}")
for case in CASES:
    run(*case)
if run(*CASES[10]).count("v") < 3:
    faults.append("not all pages are shown")
os.unlink(os.path.join(folder, "doc.json"))
os.rmdir(folder)
for fault in faults:
    print(fault)
print(f"{len(CASES)} cases, {len(faults)} faults")
sys.exit(1 if faults else 0)
