# SPDX-License-Identifier: MIT
"""webhook_receiver.py PORT SECRET_FILE OUT REFUSE - takes webhooks, checks their signature, writes each body as a line.

While the file REFUSE is there it answers 503 and writes nothing. A delivery whose signature is wrong becomes a line BAD.
"""
import hashlib
import hmac
import http.server
import os
import re
import sys

PORT, SECRET_FILE, OUT, REFUSE = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]


def is_signed(header, body):
    match = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", header or "")
    if not match:
        return False
    with open(SECRET_FILE, encoding="ascii") as file:
        secret = file.read().strip().encode()
    wanted = hmac.new(secret, match.group(1).encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, match.group(2))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_refusing = os.path.exists(REFUSE)
        if not is_refusing:
            line = body.decode() if is_signed(self.headers["Sluice-Signature"], body) else "BAD " + body.decode()
            with open(OUT, "a", encoding="utf-8") as file:
                file.write(line + "\n")
        self.send_response(503 if is_refusing else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()


http.server.HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
