# SPDX-License-Identifier: MIT
"""rest.py - asks policyd over its Unix socket; for test drivers in Python."""
import http.client
import json
import socket
import time


class Gone(Exception):
    """policyd ended, or was not there, before it answered."""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout_s):
        super().__init__("localhost", timeout=timeout_s)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Rest:
    def __init__(self, socket_path, timeout_s=60):
        self.socket_path = socket_path
        self.timeout_s = timeout_s

    def ask(self, method, path, body=None, headers=None):
        """(status, JSON or text, headers); raises Gone."""
        connection = UnixConnection(self.socket_path, self.timeout_s)
        more = dict(headers or {})
        data = None
        if body is not None:
            data = json.dumps(body)
            more["Content-Type"] = "application/json"
        try:
            try:
                connection.request(method, path if path.startswith("/metrics") else "/api/v1" + path, data, more)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before its body was read: the answer is there, or getresponse() says what is wrong
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Gone(str(error)) from error
        finally:
            connection.close()
        kind = answer.getheader("Content-Type") or ""
        return answer.status, json.loads(text) if "json" in kind and text else text, answer.headers

    def get(self, path):
        status, body, _ = self.ask("GET", path)
        if status != 200:
            raise AssertionError(f"GET {path}: {status} {body}")
        return body

    def all(self, path):
        """Every item of a list, page by page."""
        items, cursor = [], None
        while True:
            mark = "&" if "?" in path else "?"
            page = self.get(path + mark + "limit=500" + (f"&cursor={cursor}" if cursor else ""))
            items += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return items

    def change(self, method, path, body=None, headers=None):
        """A change that must be accepted."""
        status, answer, _ = self.ask(method, path, body, headers)
        if status >= 300:
            raise AssertionError(f"{method} {path}: {status} {answer}")
        return answer

    def done(self, method, path, body=None, limit_s=60):
        """A change that must be accepted and end well."""
        answer = self.change(method, path, body)
        if isinstance(answer, dict) and "task_id" in answer:
            self.task(answer["task_id"], limit_s)
        return answer

    def task(self, number, limit_s=240):
        end = time.monotonic() + limit_s
        while True:
            task = self.get(f"/tasks/{number}")
            if task["state"] == "succeeded":
                return task
            if task["state"] in ("failed", "cancelled") or time.monotonic() > end:
                raise AssertionError(f"task {number}: {task}")
            time.sleep(0.02)
