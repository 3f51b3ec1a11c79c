# SPDX-License-Identifier: MIT
"""walk.py - a walk over every route of an appliance, with each reply held against docs/openapi.yaml."""
import http.client
import json
import time

import rest


class Walker:
    def __init__(self, document, socket_path):
        self.document = document
        self.socket_path = socket_path
        self.faults, self.good, self.last, self.replies = [], set(), {}, 0

    def ask(self, method, path, body=None, headers=None, data=None, read_bytes=None):
        """(status, value); path below /api/v1 unless it is one of those outside."""
        full = path if path.split("?")[0] in ("/healthz", "/readyz", "/metrics") else "/api/v1" + path
        connection = rest.UnixConnection(self.socket_path, 15)
        headers = dict(headers or {})
        if body is not None:
            data = json.dumps(body)
            headers["Content-Type"] = "application/json"
        elif data is not None:
            headers["Content-Type"] = "application/octet-stream"
        try:
            try:
                connection.request(method, full, data, headers)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before the body was read; the answer is there all the same
            answer = connection.getresponse()
            text = answer.read(read_bytes) if read_bytes else answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.faults.append(f"{method} {full}: no whole answer: {error!r}")
            return 599, {}
        kind = answer.getheader("Content-Type") or ""
        value = json.loads(text) if "json" in kind and text else text
        connection.close()
        self.judge(method, full, answer, kind, value)
        return answer.status, value

    def judge(self, method, full, answer, kind, value):
        operation = self.document.find(method, full)
        self.replies += 1
        if operation is None:
            self.faults.append(f"{method} {full}: no such route in the file")
            return
        where = f"{method} {operation.full} {answer.status}"
        for fault in self.document.reply_faults(operation, answer.status, kind, value):
            self.faults.append(f"{where}: {fault}")
        self.last[operation.id] = f"{answer.status} {str(value)[:200]}"
        if answer.status >= 500:
            self.faults.append(f"{where}: {str(value)[:200]}")
        response = operation.body["responses"].get(str(answer.status), {})
        for name in self.document.resolve(response).get("headers", {}):
            if "dry_run=1" not in full and not answer.getheader(name):
                self.faults.append(f"{where}: the header {name} is missing")
        if answer.status < 300 and "dry_run=1" not in full:
            self.good.add(operation.id)

    def ok(self, method, path, body=None, headers=None, data=None):
        """A request that must succeed; waits for its task."""
        status, value = self.ask(method, path, body, headers, data)
        if status >= 300:
            self.faults.append(f"{method} {path}: {status} {str(value)[:300]}")
            return {}
        if isinstance(value, dict) and "task_id" in value and "dry_run=1" not in path:
            self.wait(value["task_id"])
        return value

    def wait(self, number):
        task = self.until_ended(number)
        if task.get("state") not in ("queued", "running", "succeeded"):
            self.faults.append(f"task {number}: {task}")
        return task

    def until_ended(self, number, limit_s=120):
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            _, task = self.ask("GET", f"/tasks/{number}")
            if task.get("state") not in ("queued", "running"):
                return task
            time.sleep(0.05)
        self.faults.append(f"task {number} did not end: {task}")
        return task


def populate(w):
    rule = {"filter": "delay", "parameters": {"read_us": "10"}}
    w.ok("POST", "/datastores", {"name": "second", "type": "mem", "overcommit_limit_pct": 300})
    w.ok("POST", "/policies", {"name": "slow", "rules": [rule], "comment": "first"})
    w.ok("PATCH", "/policies/slow", {"rules": [dict(rule, parameters={"read_us": "20"})], "comment": "second"})
    w.ok("POST", "/policies", {"name": "copied", "clone_of": "slow"})
    for n, name in enumerate(("h1", "h2", "spare")):
        chap = {"chap_user": name, "generate_chap_secret": True} if n < 2 else {}
        w.ok("POST", "/hosts", {"name": name, "iqn": f"iqn.2026-01.test.client:{name}", "addresses": ["127.0.0.1"], **chap})
    w.ok("POST", "/host-groups", {"name": "g1", "members": ["h1", "h2"], "description": "both"})
    w.ok("POST", "/volumes", {"name": "v1", "datastore": "main", "size_bytes": 4 << 20, "policy": "slow",
                              "hosts": ["h1"], "host_groups": ["g1"]})
    w.ok("POST", "/volumes", {"name": "v2", "datastore": "second", "size_bytes": 4 << 20, "desired_state": "offline"})
    w.ok("POST", "/policies", {"name": "cached", "rules": [{"filter": "cache", "parameters": {"ram_bytes": "4194304"}}]})
    w.ok("POST", "/volumes", {"name": "v3", "datastore": "second", "size_bytes": 4 << 20, "policy": "cached"})
    w.ok("POST", "/portals", {"address": "127.0.0.1", "port": 3299})
    w.ok("POST", "/peers", {"name": "site-b", "address": "10.1.0.1"})
    w.ok("POST", "/key-providers", {"name": "vault", "type": "native", "opened_by": "passphrase",
                                    "passphrase": "correct horse battery"})
    w.ok("POST", "/keys", {"name": "main-key", "provider": "vault"})
    w.ok("POST", "/keys", {"name": "old-key", "provider": "vault"})
    w.ok("POST", "/policies", {"name": "secret", "rules": [
        {"filter": "encryption", "parameters": {"key_id": "main-key", "serve_clear": "true"}}]})
    w.ok("POST", "/volumes", {"name": "v4", "datastore": "second", "size_bytes": 4 << 20, "policy": "secret"})
    w.ok("PUT", "/settings/egress_allow", {"value": ["http://127.0.0.1:9"]})
    w.ok("POST", "/webhooks", {"name": "chat", "url": "http://127.0.0.1:9/hook", "kinds": ["volume.*"]})
    w.ok("POST", "/volumes/v1/snapshots", {"name": "s1", "description": "first"})
    w.ok("POST", "/snapshot-groups", {"name": "sg", "volumes": ["v1"]})
    w.ok("POST", "/snapshot-schedules", {"name": "nightly", "every": "day", "at": "02:00", "keep_daily": 3, "volumes": ["v1"]})
    w.ok("POST", "/users", {"name": "anna", "role": "operator", "password": "correct horse battery"})
    w.ok("POST", "/tokens", {"name": "ci", "role": "viewer", "expires_in_s": 3600})


def names_for(path):
    """Objects that fit the parameters of a path, for reading."""
    first = path.split("/")[1]
    return {
        "datastores": "main", "volumes": "v1", "hosts": "h1", "host-groups": "g1", "portals": "127.0.0.1:3299",
        "policies": "slow", "filters": "delay", "peers": "site-b", "alert-rules": None, "webhooks": "chat",
        "users": "anna", "tokens": "ci", "key-providers": "vault", "keys": "main-key", "snapshot-groups": "sg",
        "snapshot-schedules": "nightly",
    }.get(first)


def read_everything(w):
    for o in w.document.operations:
        if o.method != "GET":
            continue
        path = o.path
        if o.needs_peer:
            continue
        if path == "/stream":
            w.ask("GET", "/stream?topics=events,tasks,figures,alerts", read_bytes=1)
        elif path == "/volumes/{name}/content":
            continue  # wants a volume that is stopped
        elif path == "/tasks/{id}":
            tasks = w.ask("GET", "/tasks?sort=-id&limit=3")[1]["items"]
            w.ask("GET", f"/tasks/{tasks[0]['id']}")
        elif path == "/alert-rules/{name}":
            for rule in w.ask("GET", "/alert-rules")[1]["items"]:
                w.ask("GET", "/alert-rules/" + rule["name"])
        elif "{" in path:
            w.ok("GET", path.replace("{name}", names_for(path)).replace("{version}", "1").replace("{snapshot}", "s1"))
        else:
            w.ok("GET", path)
            read_list(w, o)


def read_list(w, o):
    names = w.document.query_names(o)
    if "cursor" not in names:
        return
    w.ok("GET", o.path + "?limit=1&q=v")
    page = w.ok("GET", o.path + "?limit=1")
    if page.get("next_cursor"):
        w.ok("GET", f"{o.path}?limit=1&cursor={page['next_cursor']}")
    for name in names - {"limit", "cursor", "sort", "q", "after_id"}:
        value = VALUES.get(name, "true" if name.startswith("is_") else "online")
        w.ok("GET", f"{o.path}?{name}={value}")


VALUES = {"port": "3299", "status": "200", "block_bytes": "512", "severity": "warning", "type": "dir", "role": "viewer", "transfer": "import",
          "write_cache": "durable", "state": "active", "uuid": "6f3c1b3e-6c0e-4f0e-9b57-0d2f3c7a1e11"}


def change_everything(w):
    w.ok("POST", "/volumes/v1/stop")
    w.ok("POST", "/volumes/v1/start")
    w.ok("POST", "/volumes/v1/flush")
    w.ok("POST", "/volumes/v3/cache/flush")
    w.ok("POST", "/volumes/v3/cache/warm")
    w.ok("POST", "/volumes/v3/cache/drop", {"dirty_bytes": 0})
    w.ok("GET", "/volumes/v3/cache")
    change_encryption(w)
    change_snapshots(w)
    w.ok("PATCH", "/volumes/v1", {"size_bytes": 8 << 20, "description": "grown"})
    w.ok("PUT", "/volumes/v1/access", {"hosts": ["h1", "h2"], "host_groups": []})
    w.ok("PUT", "/volumes/v1/mutual-chap", {"user": "target-v1"})
    w.ok("GET", "/volumes/v1/connect")
    w.ok("DELETE", "/volumes/v1/mutual-chap")
    w.ok("PUT", "/volumes/v1/policy", {"policy": "slow", "version": 1})
    w.ok("GET", "/compliance")
    w.ok("POST", "/policies/slow/apply", {})
    w.ok("GET", "/policies/slow/diff")
    w.ok("POST", "/policies/check", {"rules": [{"filter": "trace"}]})
    w.ok("POST", "/compliance/check")
    w.ok("DELETE", "/volumes/v1/policy")
    w.ok("POST", "/volumes/v2/import", {"file": "in.raw"})
    w.ok("POST", "/volumes/v2/export", {"file": "out.raw"})
    w.ok("PUT", "/volumes/v2/content", data=b"\0" * (4 << 20))
    w.ok("GET", "/volumes/v2/content")
    w.ok("PATCH", "/datastores/main", {"description": "files"})
    w.ok("PUT", "/datastores/main/filters/io_control", {"parameters": {"threshold_us": 20000}})
    w.ok("GET", "/datastores/main/filters")
    w.ok("GET", "/volumes/v1/chain")
    w.ok("GET", "/config")
    w.ok("DELETE", "/datastores/main/filters/io_control")
    w.ok("PATCH", "/hosts/spare", {"description": "spare"})
    w.ok("PATCH", "/host-groups/g1", {"members": ["h1"]})
    w.ok("PATCH", "/filters/inject", {"is_enabled": False})
    w.ok("PATCH", "/filters/inject", {"is_enabled": True})
    w.ok("PATCH", "/peers/site-b", {"description": "other site"})
    w.ok("PATCH", "/key-providers/vault", {"description": "ours"})
    w.ok("PATCH", "/key-providers/vault", {"passphrase": "another long sentence"})
    w.ok("POST", "/key-providers/vault/unlock", {"passphrase": "another long sentence"})
    w.ok("POST", "/key-providers/vault/test")
    w.ok("POST", "/key-providers/vault/export", {"file": "keys.bundle", "passphrase": "words of the bundle"})
    w.ok("POST", "/key-providers/vault/import", {"file": "keys.bundle", "passphrase": "words of the bundle"})
    w.ok("POST", "/keys/main-key/rotate")
    w.ok("PATCH", "/keys/main-key", {"description": "for all volumes"})
    w.ok("PATCH", "/webhooks/chat", {"is_enabled": False})
    w.ask("POST", "/webhooks/chat/test")  # nobody listens there
    w.ok("PATCH", "/users/anna", {"role": "admin"})
    w.ok("PATCH", "/users/anna", {"role": "operator"})
    w.ok("POST", "/volumes-unmanaged/stranger/adopt")
    rule = w.ask("GET", "/alert-rules")[1]["items"][0]
    w.ok("PATCH", f"/alert-rules/{rule['name']}", {"warning": rule["warning"]})
    w.ok("POST", "/audit/verify")
    w.ok("POST", "/backups")
    w.ok("GET", "/backups")
    document = w.ok("GET", "/config")
    w.ok("POST", "/config/diff", document)
    w.ok("POST", "/config/apply", document)


def browser(w, web_socket, setup_token):
    """Set-up, login, password, logout: by the socket of webd, with cookie and CSRF token."""
    w.ok("POST", "/setup", {"setup_token": setup_token, "user": "root-of-all", "password": PASSWORD})
    local, w.socket_path = w.socket_path, web_socket
    first = log_in(w, PASSWORD)
    again = log_in(w, PASSWORD)
    w.ok("POST", "/users/me/password", {"old_password": PASSWORD, "new_password": PASSWORD + "!"}, again)
    last = log_in(w, PASSWORD + "!")
    sessions = w.ok("GET", "/sessions", headers=last)["items"]
    w.ok("GET", "/me", headers=last)
    for session in sessions:
        if not session["is_current"]:
            w.ok("DELETE", f"/sessions/{session['id']}", headers=last)
    w.ok("POST", "/logout", headers=last)
    w.socket_path = local
    return first


PASSWORD = "a long enough pass phrase"


def log_in(w, password):
    session = w.ok("POST", "/login", {"user": "root-of-all", "password": password})
    return {"Cookie": f"__Host-sluice={session.get('session')}", "X-CSRF-Token": session.get("csrf_token", "")}


def alerts(w):
    """A rule that is passed at once raises an alert, which is acknowledged."""
    for rule in w.ok("GET", "/alert-rules")["items"]:
        if "capacity" in rule["name"]:
            w.ok("PATCH", f"/alert-rules/{rule['name']}", {"warning": 0, "error": None, "raise_after_s": 0})
    end = time.monotonic() + 120
    while time.monotonic() < end:
        found = w.ok("GET", "/alerts?state=active")["items"]
        if found:
            w.ok("POST", f"/alerts/{found[0]['id']}/acknowledge")
            return
        time.sleep(0.2)
    w.faults.append("no alert was raised in 30 s")


def cancel(w):
    """A copy of a large volume is ended early."""
    w.ok("POST", "/volumes", {"name": "large", "datastore": "second", "size_bytes": 1 << 36, "desired_state": "offline"})
    task = w.ask("POST", "/volumes/large/export", {"file": "large.raw"})[1]
    w.ask("POST", f"/tasks/{task.get('task_id', 0)}/cancel")
    end = time.monotonic() + 120
    while time.monotonic() < end:
        state = w.ask("GET", f"/tasks/{task['task_id']}")[1]["state"]
        if state not in ("queued", "running"):
            break
        time.sleep(0.05)
    if state != "cancelled":
        w.faults.append(f"a task that was cancelled ended as {state}")
    w.ok("DELETE", "/volumes/large?confirm=large")


def change_encryption(w):
    at = "/volumes/v4/encryption"
    w.ok("POST", at + "/encrypt")
    w.ok("POST", at + "/rekey", {"is_deep": True})
    w.ok("POST", at + "/rekey")
    for verb in ("pause", "resume"):  # an empty volume is through before anybody can say so
        w.until_ended(w.ask("POST", f"{at}/{verb}")[1]["task_id"])
    w.ok("GET", at)
    w.ok("POST", at + "/decrypt?confirm=v4")
    w.ok("POST", at + "/encrypt")
    w.ok("POST", at + "/erase?confirm=v4&force=1")
    w.ok("GET", at)


def change_snapshots(w):
    at = "/volumes/v1/snapshots"
    w.ok("PATCH", at + "/s1", {"description": "the first"})
    w.ok("POST", at + "/s1/expose", {"name": "v1-then"})
    w.ok("POST", at + "/s1/clone", {"name": "v1-copy", "is_linked": True})
    w.ok("GET", "/volumes/v1-then")
    w.ok("GET", "/volumes/v1/snapshot-tree")
    w.ok("DELETE", "/volumes/v1-then?confirm=v1-then")
    w.ok("DELETE", "/volumes/v1-copy?confirm=v1-copy")
    w.ok("POST", at + "/s1/revert", {"confirm": "v1"})
    w.ok("GET", "/volumes/v1/repair")
    w.until_ended(w.ask("POST", "/volumes/v1/repair")[1].get("task_id", 0))  # it serves, so that is refused
    w.ok("PATCH", "/snapshot-schedules/nightly", {"keep_daily": 5})


def close_session(w):
    for session in w.ok("GET", "/iscsi-sessions")["items"]:
        w.ok("GET", f"/iscsi-sessions?volume={session['volume']}")
        w.ok("DELETE", f"/iscsi-sessions/{session['id']}")


def dry_runs(w):
    """Each documented dry run, with a body that would do."""
    bodies = {
        "putDatastoreFilter": {}, "createDatastore": {"name": "dry", "type": "mem"}, "changeDatastore": {"description": "dry"},
        "createVolume": {"name": "dry", "datastore": "second", "size_bytes": 1 << 20}, "changeVolume": {"description": "dry"},
        "createHost": {"name": "dry", "iqn": "iqn.2026-01.test:dry"}, "changeHost": {"description": "dry"},
        "createHostGroup": {"name": "dry"}, "changeHostGroup": {"description": "dry"}, "putVolumeAccess": {"hosts": []},
        "createPolicy": {"name": "dry", "rules": []}, "changePolicy": {"description": "dry"},
        "putVolumePolicy": {"policy": "slow"}, "createPeer": {"name": "dry", "address": "10.9.9.9"},
        "changePeer": {"description": "dry"}, "changeFilter": {"is_enabled": True},
        "createToken": {"name": "dry", "role": "viewer", "expires_in_s": 60}, "putSetting": {"value": "dry"},
        "createKeyProvider": {"name": "dry", "type": "native", "opened_by": "credential", "opened_from": "dry"},
        "changeKeyProvider": {"description": "dry"}, "createKey": {"name": "dry", "provider": "vault"},
        "changeKey": {"description": "dry"}, "rotateKey": None, "testKeyProvider": None,
        "changeWebhook": {"is_enabled": True}, "createPortal": {"address": "127.0.0.9"}, "deletePolicy": None,
        "createSnapshot": None, "createSnapshotGroup": {"name": "dry", "volumes": ["v1"]}, "changeSnapshotSchedule": {"keep_daily": 2},
        "createSnapshotSchedule": {"name": "dry", "every": "hour", "keep_hourly": 1},
        "deleteHost": None, "startVolume": None, "stopVolume": None, "deleteVolumePolicy": None,
    }
    before = w.ask("GET", "/volumes/v1")[1]
    for o in w.document.operations:
        if o.id not in bodies:
            continue
        name = {"deletePolicy": "copied", "deleteHost": "spare"}.get(o.id) or names_for(o.path) or ""
        path = o.path.replace("{name}", name).replace("{key}", "appliance_name").replace("{filter}", "io_control")
        value = w.ok(o.method, path + "?dry_run=1", bodies[o.id])
        if value and set(value) != {"plan", "result"}:
            w.faults.append(f"{o}?dry_run=1 answers with {sorted(value)}")
    if w.ask("GET", "/volumes/v1")[1] != before:
        w.faults.append("a dry run changed the volume v1")


def refusals(w):
    """Refused, each with a proper problem: what is unknown, misspelt, of the wrong type, not there."""
    for o in w.document.operations:
        path = o.path.replace("{name}", "nobody").replace("{id}", "999999").replace("{version}", "9").replace("{key}", "nokey").replace("{filter}", "no").replace("{snapshot}", "none")
        if o.path.startswith("/iscsi-sessions/"):
            path = "/iscsi-sessions/9-9-9"
        status, _ = w.ask(o.method, path + "?nonsense=1", {} if o.method != "GET" else None)
        if status < 400:
            w.faults.append(f"{o}?nonsense=1 is accepted: {status}")
        if "{" in o.path and o.method in ("GET", "DELETE"):
            status, value = w.ask(o.method, path)
            if status not in (404, 422):
                w.faults.append(f"{o} of what is not there: {status} {value}")
        if "requestBody" in o.body and "application/json" in o.body["requestBody"]["content"]:
            status, _ = w.ask(o.method, path, {"nonsense": 1})
            if status < 400:
                w.faults.append(f"{o} takes the member nonsense: {status}")


def delete_everything(w):
    w.ok("DELETE", "/snapshot-schedules/nightly")
    w.ok("DELETE", "/snapshot-groups/sg?confirm=sg")
    w.ok("DELETE", "/volumes/v1/snapshots/s1?confirm=s1")
    w.ok("DELETE", "/volumes/v1?confirm=v1&force=1")
    w.ok("DELETE", "/volumes/v2?confirm=v2")
    w.ok("DELETE", "/volumes/v3?confirm=v3")
    w.ok("DELETE", "/volumes/v4?confirm=v4")
    w.ok("DELETE", "/volumes/stranger?confirm=stranger")
    w.ok("DELETE", "/policies/copied")
    w.ok("DELETE", "/host-groups/g1")
    w.ok("DELETE", "/hosts/spare")
    w.ok("DELETE", "/portals/127.0.0.1:3299")
    w.ok("DELETE", "/datastores/second")
    w.ok("DELETE", "/peers/site-b")
    w.ok("DELETE", "/keys/old-key?destroy=true&confirm=old-key")
    w.ok("DELETE", "/keys/main-key")
    w.ok("DELETE", "/key-providers/vault")
    w.ok("DELETE", "/webhooks/chat")
    w.ok("DELETE", "/tokens/ci")
    w.ok("DELETE", "/users/anna")


# ---------------------------------------------------------------- what the file forbids, the server refuses

def outside(schema):
    """Values that a member's schema does not allow."""
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if kind is None:
        return
    yield "of the wrong type", {"no": "object"} if "object" not in kinds else "text"
    if "enum" in schema:
        yield "none of the choices", "nonsense" if "string" in kinds else 12345
    if "minimum" in schema:
        yield "under the minimum", schema["minimum"] - 1
    if "maximum" in schema:
        yield "over the maximum", schema["maximum"] + 1
    if schema.get("minLength"):
        yield "too short", "x" * (schema["minLength"] - 1)
    if "maxLength" in schema and "pattern" not in schema:
        yield "too long", "x" * (schema["maxLength"] + 1)
    if "pattern" in schema:
        yield "of other characters", "no blanks / here"
        yield "too long", "x" * (schema["maxLength"] + 1)
    if kind == "string" and "enum" not in schema:
        yield "with a control character", "a\u0007b"
    if kind == "array" and "maxItems" in schema:
        yield "too many", ["10.0.0.1"] * (schema["maxItems"] + 1)


def edges(w):
    for o in w.document.operations:
        content = o.body.get("requestBody", {}).get("content", {}).get("application/json")
        schema = w.document.resolve(content["schema"]) if content else {}
        if "properties" not in schema or not schema.get("examples"):
            continue
        path = o.path.replace("{name}", names_for(o.path) or "appliance_name").replace("{key}", "appliance_name").replace("{snapshot}", "s1")
        query = "?dry_run=1" if "dry_run" in w.document.query_names(o) else ""
        for name in schema.get("required", []):
            status, _ = w.ask(o.method, path + query, {n: v for n, v in schema["examples"][0].items() if n != name})
            if status < 400 or status >= 500:
                w.faults.append(f"{o}: without {name}: {status}")
        for name, member in schema["properties"].items():
            for what, value in outside(w.document.resolve(member)):
                status, answer = w.ask(o.method, path + query, {**schema["examples"][0], name: value})
                if status < 400 or status >= 500:
                    w.faults.append(f"{o}: {name} {what} ({str(value)[:30]!r}) gives {status} {str(answer)[:120]}")
