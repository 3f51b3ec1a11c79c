#!/bin/bash
# SPDX-License-Identifier: MIT
# egressd carries bytes to key servers that are allowed as such, and to nobody else; both ends' closing arrives, and what
# is in between arrives whole.
. "$(dirname "$0")/../lib/harness.sh"
. "$ROOT/tests/lib/gateway.sh"

ip addr add 10.9.9.9/32 dev lo
printf '127.0.0.1 localhost\n10.9.9.9 lan.example\n' >"$T/hosts"
mount --bind "$T/hosts" /etc/hosts
egress_start
egress_says '.ok' '{"request": "allow", "hosts": ["kmip://127.0.0.1", "kmip://127.0.0.1:5700", "kmip://lan.example",
	"kmip://nobody.example", "https://127.0.0.1:5701"]}'
# no key server is posted to, no other destination is connected to
egress_says '.error.code == "EINVAL"' '{"request": "http.post", "url": "kmip://127.0.0.1:5700/", "body": ""}'
egress_says '.error.code == "EACCES"' '{"request": "http.post", "url": "http://127.0.0.1:5700/", "body": ""}'
for server in kmip://127.0.0.1:5701 kmip://127.0.0.1:22 kmip://localhost:5700; do
	egress_says '.error.code == "EACCES"' "{\"request\": \"connect\", \"server\": \"$server\"}"
done
for server in https://127.0.0.1:5701 127.0.0.1:5700 kmip:// kmip://u@127.0.0.1:5700; do
	egress_says '.error.code == "EINVAL"' "{\"request\": \"connect\", \"server\": \"$server\"}"
done
egress_says '.error.code == "EINVAL" and (.error.text | contains("socket"))' '{"request": "connect", "server": "kmip://127.0.0.1:5700"}'

timeout 60 python3 - "$RUN_DIR/egress.sock" <<'END' || die "the relay does not do what it should"
import array, json, os, socket, struct, sys, threading

HEADER = struct.Struct("=IHHII")


def connect(server, passed=None):
    """What egressd answers, our end, and its line."""
    near, far = socket.socketpair()
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    body = json.dumps({"request": "connect", "server": server, "timeout_ms": 1000}).encode()
    fds = array.array("i", [far.fileno() if passed is None else passed])
    s.sendmsg([HEADER.pack(0x4C544353, 1, 1, 1, len(body)) + body], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    size = HEADER.unpack(s.recv(HEADER.size, socket.MSG_WAITALL))[4]
    answer = json.loads(s.recv(size, socket.MSG_WAITALL))
    far.close()
    line = b""
    near.settimeout(10)
    while answer.get("ok") and not line.endswith(b"\n"):
        byte = near.recv(1)
        if not byte:
            break
        line += byte
    return answer, near, json.loads(line) if line else {}


def echo_one(c):
    try:
        while data := c.recv(65536):
            c.sendall(data)
    except OSError:
        pass  # whoever leaves in between
    c.close()


def echo(listener):
    while True:
        threading.Thread(target=echo_one, args=(listener.accept()[0],), daemon=True).start()


listener = socket.create_server(("127.0.0.1", 5700))
threading.Thread(target=echo, args=(listener,), daemon=True).start()
answer, near, line = connect("kmip://127.0.0.1:5700")
assert answer["ok"] and line == {"ok": True}, (answer, line)
data, got = os.urandom(3 << 20), bytearray()
sender = threading.Thread(target=lambda: (near.sendall(data), near.shutdown(socket.SHUT_WR)))
sender.start()
while piece := near.recv(65536):
    got += piece
assert bytes(got) == data, (len(got), len(data))
# nobody there; a name that is not known; a private address behind a name; a descriptor that is no socket
for server, code in (("kmip://127.0.0.1:5696", "ECONNREFUSED"), ("kmip://nobody.example", "ENOENT"), ("kmip://lan.example", "EACCES")):
    answer, near, line = connect(server)
    assert answer["ok"] and line["error"]["code"] == code, (server, answer, line)
    assert near.recv(1) == b"", "the descriptor stays open"
with open("/dev/null", "rb") as f:
    answer, _, _ = connect("kmip://127.0.0.1:5700", f.fileno())
    assert answer["error"]["code"] == "EINVAL", answer
# so many at once, and no more; whoever leaves makes room
held = []
while True:
    answer, near, line = connect("kmip://127.0.0.1:5700")
    if "error" in answer:
        assert answer["error"]["code"] == "EAGAIN", answer
        break
    held.append(near)
assert 20 <= len(held) <= 32, len(held)
for near in held:
    near.close()
END
is_idle() { egress '{"request": "status"}' | jq -e '.relays == 0'; }
wait_until 15 "all relays to end" is_idle
egress_stop
