#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever arrives on the socket, the daemon stays, nothing of it is applied, and what HTTP allows to answer is answered
# with a problem that has code, detail and, where there is one, the field.
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=tests/lib/appliance.sh
. "$(dirname "$0")/../lib/appliance.sh"

policyd_start
PYTHONPATH="$ROOT/tests/lib" python3 - "$POLICYD_SOCKET" <<'EOF2' || die "see above"
import json, random, socket, sys
from rest import Rest

PATH = sys.argv[1]
rest = Rest(PATH)


def raw(data, limit_s=20):
    """Sends bytes, returns (status or None, body). What is incomplete gets no answer: limit_s ends the wait."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(limit_s)
    s.connect(PATH)
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    answer = b""
    try:
        while True:
            block = s.recv(65536)
            if not block:
                break
            answer += block
    except OSError:
        pass
    s.close()
    if not answer.startswith(b"HTTP/1.1 "):
        return None, answer
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head[9:12]), body


def request(method="POST", path="/api/v1/hosts", body=b"", headers=None):
    lines = {"Host": "x", "Connection": "close"}
    if body:
        lines.update({"Content-Type": "application/json", "Content-Length": str(len(body))})
    lines.update(headers or {})
    text = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items() if v is not None) + "\r\n"
    return text.encode("latin-1") + body


def refused(status, code, *args, field=None, **more):
    got, body = raw(request(*args, **more))
    what = f"{args} {more}"[:200]
    assert got == status, f"{what}: {got} instead of {status}: {body[:300]}"
    problem = json.loads(body)
    assert problem["code"] == code and problem["status"] == status and problem["detail"] and problem["type"], f"{what}: {problem}"
    assert field is None or problem.get("field") == field, f"{what}: {problem}"


good = {"name": "h1", "iqn": "iqn.2026-01.org.example:h1"}

# Bodies.
for text in (b"{", b"nonsense", b"[]", b'"x"', b"17", b"null", b'{"name":"a","name":"b"}', b'{"name":"\xff\xfe"}', b"\xef\xbb\xbf{}",
             b'{"name":"a\\u0000b"}', b'{"name":NaN}', b'{"a":' * 40 + b"1" + b"}" * 40, b"[" * 1000000, b'{"a":1}{"b":2}', b"\x00" * 100):
    refused(400, "malformed", body=text)
refused(422, "out_of_range", body=b'{"size_bytes":99999999999999999999999}', path="/api/v1/volumes")
refused(413, "too_large", body=b'{"name":"' + b"a" * (1 << 20) + b'"}')
refused(413, "too_large", headers={"Content-Type": "application/json", "Content-Length": "99999999999"})
refused(415, "unsupported_media_type", body=json.dumps(good).encode(), headers={"Content-Type": "text/plain"})
refused(415, "unsupported_media_type", body=json.dumps(good).encode(), headers={"Content-Type": None})
refused(415, "unsupported_media_type", body=b"a=b", headers={"Content-Type": "application/x-www-form-urlencoded"})
refused(400, "malformed", method="GET", body=b"{}")
refused(400, "malformed", method="DELETE", path="/api/v1/hosts/h1", body=b"{}")
refused(400, "malformed", method="PATCH", path="/api/v1/hosts/h1")
chunks = b"".join(b"10000\r\n" + b"a" * 65536 + b"\r\n" for _ in range(20)) + b"0\r\n\r\n"
got, body = raw(request(headers={"Content-Type": "application/json", "Transfer-Encoding": "chunked"}) + chunks)
assert got == 413 and json.loads(body)["code"] == "too_large", (got, body)

# Members.
for name in ("", "a" * 81, "a b", "a/b", "../x", "a\nb", "\u0000", "-x", "\u202e", 7, None, [], {}, True):
    status, body, _ = rest.ask("POST", "/hosts", {**good, "name": name})
    assert status in (400, 422) and body["code"], (name, status, body)
    assert status == 400 or body["field"] == "name", (name, body)
for more, field in (({"nonsense": 1}, "nonsense"), ({"id": 5}, "id"), ({"revision": 5}, "revision"), ({"created_ms": 1}, "created_ms"),
                    ({"chap_secret_sealed": "x"}, "chap_secret_sealed")):
    status, body, _ = rest.ask("POST", "/hosts", {**good, **more})
    assert status == 422 and body["field"] == field, (more, status, body)
status, body, _ = rest.ask("POST", "/users", {"name": "x", "role": "king", "password": "red house nine oaks"})
assert status == 422 and body["field"] == "role", body

# Paths, methods, queries.
refused(404, "unknown_path", method="GET", path="/")
refused(404, "unknown_path", method="GET", path="/api/v1/nothing")
refused(404, "unknown_path", method="GET", path="/api/v1/hosts/a/b/c/d")
refused(404, "not_found", method="GET", path="/api/v1/hosts/nobody")
for path in ("//api/v1/hosts", "/api/v1/hosts/", "/api/v1/hosts/../users", "/api/v1/hosts/%2e%2e", "/api/v1/hosts/a%2fb", "/api/v1/hosts/%00",
             "/api/v1/hosts/%zz", "/api/v1/hosts/%ff", "/api/v1/hosts?limit=1&limit=2", "/api/v1/hosts?q=%0a", "/" + "a" * 9000):
    refused(400, "malformed", method="GET", path=path)
for query, field in (("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("limit=-1", "limit"), ("nonsense=1", "nonsense"),
                     ("sort=nonsense", "sort"), ("sort=chap_secret_sealed", "sort"), ("chap_secret_sealed=x", "chap_secret_sealed"),
                     ("cursor=nonsense", "cursor"), ("after_id=x", "after_id"), ("dry_run=1", "dry_run")):
    status, body, _ = rest.ask("GET", "/hosts?" + query)
    assert status == 422 and body.get("field") == field, (query, status, body)
refused(405, "method_not_allowed", method="PUT", path="/api/v1/hosts", body=b"{}")
refused(405, "method_not_allowed", method="TRACE", path="/api/v1/hosts")
refused(405, "method_not_allowed", method="OPTIONS", path="/api/v1/hosts")
assert rest.ask("PUT", "/hosts", {})[2]["Allow"] == "GET, POST"

# Headers.
refused(431, "headers_too_large", method="GET", headers={"X-Long": "a" * 17000})
refused(431, "headers_too_large", method="GET", headers={f"X-{i}": "a" for i in range(80)})
for tag in ("7", '"x"', 'W/"7"', '"-1"', '"99999999999999999999"', '""', '"7", "8"'):
    refused(400, "malformed", method="PATCH", path="/api/v1/hosts/h1", body=b"{}", headers={"If-Match": tag}, field="If-Match")
for key in ("a" * 129, "a b", "\xe9"):
    refused(400, "malformed", body=json.dumps(good).encode(), headers={"Idempotency-Key": key}, field="Idempotency-Key")
two = request(method="GET").replace(b"Host: x", b"Host: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b")
assert raw(two)[0] == 400
both = request(body=b"{}", headers={"Transfer-Encoding": "chunked"})
assert raw(both)[0] == 400

# What is no HTTP.
for junk in (b"", b"\r\n\r\n", b"GET\r\n\r\n", b"GET /\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
             b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5x\r\n\r\n",
             b"POST /api/v1/hosts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
             b"POST /api/v1/hosts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}",
             b"A" * 100000, b"GET " + b"/a" * 50000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n"):
    status, body = raw(junk, 1)
    assert status is None or status >= 400, (junk[:60], status)
random.seed(7)
base = request(body=json.dumps(good).encode().replace(b"h1", b"h\x00"))
for i in range(400):
    data = bytearray(base)
    for _ in range(random.randint(1, 8)):
        data[random.randrange(len(data))] = random.randrange(256)
    status, body = raw(bytes(data[:random.randint(1, len(data))]), 0.2)
    assert status is None or 400 <= status < 500 or (status == 200 and b"GET" in data[:5]), (bytes(data), status, body)
    if i % 50 == 0:
        rest.get("/me")

# Nothing of all this was applied, and it has left its rows.
assert rest.get("/hosts")["total"] == 0 and rest.get("/users")["total"] == 0
rows = rest.all("/audit")
assert all(r["status"] >= 400 for r in rows) and {400, 404, 413, 415, 422} - {404} <= {r["status"] for r in rows}, {r["status"] for r in rows}
assert rest.ask("POST", "/audit/verify")[1]["is_whole"]
EOF2
policyd_stop
note "refused, every one of them"
