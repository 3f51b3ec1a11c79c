#!/bin/bash
# SPDX-License-Identifier: MIT
# Clients that send slowly, never read or only listen are bounded and dropped, and others are served all the while.
# Events arrive in order, once, also for a client that comes back; a stream ends with the right it stood on.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"

policyd_start
PYTHONPATH="$ROOT/tests/lib" python3 - "$RUN_DIR" <<'EOF2' || die "see above"
import json, os, socket, sys, threading, time
from rest import Rest

LOCAL, WEB = sys.argv[1] + "/policyd.sock", sys.argv[1] + "/policyd-web.sock"
rest = Rest(LOCAL)


def connect(path=LOCAL):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60 * PATIENCE)
    s.connect(path)
    return s

PATIENCE = int(os.environ["PATIENCE"])


def served():
    begin = time.monotonic()
    rest.get("/me")
    assert time.monotonic() - begin < 3 * PATIENCE, "others wait"


class Stream:
    def __init__(self, topics="", headers="", path=LOCAL):
        self.s = connect(path)
        self.s.sendall(f"GET /api/v1/stream{topics} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
        self.text = b""
        self.read_until(b"\r\n\r\n")
        self.head, self.text = self.text.split(b"\r\n\r\n", 1)
        self.read_until(b"retry: 2000")

    def read_until(self, what):
        while what not in self.text:
            block = self.s.recv(65536)
            if not block:
                raise EOFError(self.text)
            self.text += block

    def events(self, count):
        """That many events: (id, name, data)."""
        while True:
            # chunk sizes stand on lines of their own between the events
            found, one = [], {}
            for line in self.text.decode().replace("\r", "").split("\n"):
                if not line and "data" in one:
                    found.append((int(one.get("id", 0)), one["event"], json.loads(one["data"])))
                    one = {}
                for member in ("id", "event", "data"):
                    if line.startswith(member + ": "):
                        one[member] = line[len(member) + 2:]
            if len(found) >= count:
                return found
            self.read_until_more()

    def read_until_more(self):
        block = self.s.recv(65536)
        if not block:
            raise EOFError(self.text)
        self.text += block


def group(name):
    status, body, _ = rest.ask("POST", "/host-groups", {"name": name})
    assert status < 300, body


# Slow heads and bodies: all connections of webd's socket but a few are held, and root's socket does not notice.
slow = []
for i in range(20):
    s = connect(WEB)
    s.sendall(b"GET /api/v1/me HTTP/1.1\r\nHost:" if i % 2 else b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
    slow.append(s)
held_since = time.monotonic()
served()

# Events: in order, once; a client that comes back goes on where it was.
assert rest.ask("GET", "/stream?topics=nonsense")[0] == 422
a = Stream("?topics=events")
assert b"200 OK" in a.head and b"text/event-stream" in a.head, a.head
group("g1")
group("g2")
first = a.events(2)
ids = [e[0] for e in first]
assert ids == sorted(set(ids)) and all(e[1] == "event" for e in first), first
names = [e[2]["object_name"] for e in first]
assert "g1" in names, first
a.s.close()
group("g3")
b = Stream("?topics=events", f"Last-Event-ID: {ids[-1]}\r\n")
back = b.events(1)
assert back[0][0] > ids[-1] and all(e[0] > ids[-1] for e in back), (ids, back)
tasks = Stream("?topics=tasks")
group("g4")
assert any(e[1] == "task" and e[2]["object_name"] == "g4" for e in tasks.events(1)), tasks.text

# Nobody listens without a right, and a right that is taken away ends the stream.
s = connect(WEB)
s.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\n\r\n")
assert b" 401 " in s.recv(65536)
token = rest.change("POST", "/tokens", {"name": "ear", "role": "viewer", "expires_in_s": 3600})["token"]
ear = Stream("?topics=events", f"Authorization: Bearer {token}\r\n", WEB)
rest.change("DELETE", "/tokens/ear")

# One token takes a few streams, not all of them.
token = rest.change("POST", "/tokens", {"name": "greedy", "role": "viewer", "expires_in_s": 3600})["token"]
greedy = [Stream("", f"Authorization: Bearer {token}\r\n", WEB) for i in range(8)]
s = connect(WEB)
s.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
assert b" 429 " in s.recv(65536)

# Listeners are bounded; those who do not read cost no more than their buffer.
deaf, refused = [], 0
for i in range(40):
    s = connect()
    s.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\n\r\n")
    refused += b" 429 " in s.recv(100)
    deaf.append(s)
assert 15 <= refused <= 20, refused
served()
for i in range(30):
    group(f"many{i}")
for s in deaf:
    s.close()

# The stream whose token is gone ends within a heartbeat.
try:
    while True:
        ear.read_until_more()
        assert time.monotonic() - held_since < 60 * PATIENCE
except EOFError:
    pass

# The slow ones are dropped: heads after 30 s, bodies after 60 s.
for i, s in enumerate(slow):
    s.settimeout(70 * PATIENCE)
    try:
        data = s.recv(1000)
    except OSError:
        data = b""
    assert data == b"" or b" 40" in data[:20], data
assert time.monotonic() - held_since < 75 * PATIENCE, "slow clients stay"
served()
EOF2
policyd_stop
note "dropped, and nobody waited"
