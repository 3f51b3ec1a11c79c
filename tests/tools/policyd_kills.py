#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""policyd_kills.py - kills policyd before its N-th changing SQLite statement, for N = 1, 1 + STEP, ...,
in each of a set of operations; after each restart the database and what filterd and tgtd run must agree, and the
operation must be there whole or not at all.

    policyd_kills.py --socket S --filterd S --iqn-base B --step N -- policyd command...

filterd, tgtd and a load on one volume run on beside it; whoever calls checks that load.
"""
import argparse
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import rest  # noqa: E402

HEADER = struct.Struct("=IHHII")
MIB = 1 << 20


class Policyd:
    def __init__(self, command, api):
        self.command = command
        self.api = api
        self.process = None

    def start(self, kill_at=0):
        environment = dict(os.environ)
        environment.pop("SLUICE_FAULT", None)
        if kill_at:
            environment["SLUICE_FAULT"] = f"kill:{kill_at}"
        self.process = subprocess.Popen(self.command, env=environment, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            try:
                self.api.ask("GET", "/system")
                return True
            except rest.Gone:
                time.sleep(0.01)
        raise AssertionError("policyd does not answer after 30 s")

    def is_dead(self):
        return self.process.poll() is not None

    def end(self):
        if self.is_dead():
            if self.process.returncode != -signal.SIGKILL:
                raise AssertionError(f"policyd ended by itself with status {self.process.returncode}")
            return
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            raise AssertionError("policyd goes on 15 s after SIGTERM") from error


def filterd_volumes(path):
    body, after, found = b"", "", {}
    while after is not None:
        body = json.dumps({"request": "volumes", "after": after, "limit": 200}).encode()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(20)
            sock.connect(path)
            sock.sendall(HEADER.pack(0x4C544353, 1, 1, 1, len(body)) + body)
            size = HEADER.unpack(sock.recv(HEADER.size, socket.MSG_WAITALL))[4]
            answer = json.loads(sock.recv(size, socket.MSG_WAITALL))
        found.update({v["name"]: v for v in answer["volumes"]})
        after = answer["next"]
    return found


def tgtd_targets():
    """IQN -> the text of its block, as tgtadm shows it."""
    text = subprocess.run(["tgtadm", "-C", os.environ["TGT_CONTROL"], "--lld", "iscsi", "--op", "show", "--mode",
                           "target"], capture_output=True, text=True, timeout=10, check=True).stdout
    blocks = {}
    for block in ("\n" + text).split("\nTarget ")[1:]:
        blocks[block.split("\n")[0].split(": ", 1)[1].strip()] = block
    return blocks


def settle(api, limit_s=60):
    end = time.monotonic() + limit_s
    while True:
        health = api.get("/system")["health"]
        if health.get("pending") == 0:  # absent before the first round
            return
        if time.monotonic() > end:
            raise AssertionError(f"still pending after {limit_s} s: {health}")
        time.sleep(0.02)


def check_agreement(api, options):
    """What the database wants is what runs."""
    settle(api)
    running = filterd_volumes(options.filterd)
    targets = tgtd_targets()
    wanted = {v["name"]: v for v in api.all("/volumes")}
    for name, volume in wanted.items():
        is_online = volume["desired_state"] == "online"
        real = running.get(name)
        assert real, f"volume {name} is not in filterd"
        assert real["uuid"] == volume["uuid"], f"volume {name}: UUIDs differ"
        assert real["size_bytes"] == volume["size_bytes"], f"volume {name}: sizes differ"
        assert (real["state"] == "serving") == is_online, f"volume {name} is {real['state']}"
        rules = []
        assignment = volume["assignment"]
        if assignment:
            version = api.get(f"/policies/{assignment['policy']}/versions/{assignment['version']}")
            rules = sorted(r["filter"] for r in version["rules"])
        assert sorted(f["filter"] for f in real["filters"]) == rules, f"volume {name}: filters differ from {rules}"
        iqn = volume["target"]["iqn"]
        assert (iqn in targets) == is_online, f"target {iqn} is {'there' if iqn in targets else 'missing'}"
        if is_online:
            for host in volume["access"]["hosts"]:
                assert api.get(f"/hosts/{host}")["iqn"] in targets[iqn], f"{host} has no access to {name}"
    strangers = set(running) - set(wanted)
    assert not strangers, f"filterd has volumes that nobody wants: {strangers}"
    ours = {iqn for iqn in targets if iqn.startswith(options.iqn_base)}
    assert ours <= {v["target"]["iqn"] for v in wanted.values()}, f"targets too many: {ours}"
    open_tasks = [t for t in api.all("/tasks") if t["state"] in ("queued", "running")]
    assert not open_tasks, f"tasks that nobody ends: {open_tasks}"


def exists(api, path):
    return api.ask("GET", path)[0] == 200


def rules(delay_us):
    return [{"filter": "delay", "parameters": {"read_us": str(delay_us)}}]


# (what, method, path, body, is it there already?). Each stands on those before it.
OPERATIONS = [
    ("host.create", "POST", "/hosts", {"name": "h1", "iqn": "iqn.2026-01.test:h1"}, lambda a: exists(a, "/hosts/h1")),
    ("host.create with CHAP", "POST", "/hosts",
     {"name": "h2", "iqn": "iqn.2026-01.test:h2", "chap_user": "u2", "chap_secret": "secret-secret-2"},
     lambda a: exists(a, "/hosts/h2")),
    ("group.create", "POST", "/host-groups", {"name": "g1", "members": ["h1"]}, lambda a: exists(a, "/host-groups/g1")),
    ("datastore.create", "POST", "/datastores", {"name": "d2", "type": "mem"}, lambda a: exists(a, "/datastores/d2")),
    ("policy.create", "POST", "/policies", {"name": "slow", "rules": rules(10)}, lambda a: exists(a, "/policies/slow")),
    ("volume.create", "POST", "/volumes", {"name": "v1", "datastore": "main", "size_bytes": 16 * MIB, "hosts": ["h1"]},
     lambda a: exists(a, "/volumes/v1")),
    ("volume.create with all", "POST", "/volumes",
     {"name": "v2", "datastore": "main", "size_bytes": 16 * MIB, "hosts": ["h2"], "policy": "slow",
      "write_cache": "volatile"}, lambda a: exists(a, "/volumes/v2")),
    ("volume.create on the other", "POST", "/volumes", {"name": "v3", "datastore": "d2", "size_bytes": 4 * MIB},
     lambda a: exists(a, "/volumes/v3")),
    ("access.set", "PUT", "/volumes/v3/access", {"hosts": [], "host_groups": ["g1"]},
     lambda a: a.get("/volumes/v3/access")["host_groups"] == ["g1"]),
    ("policy.assign", "PUT", "/volumes/v1/policy", {"policy": "slow"},
     lambda a: a.get("/volumes/v1")["assignment"] is not None),
    ("policy.change", "PATCH", "/policies/slow", {"rules": rules(20)}, lambda a: a.get("/policies/slow")["version"] >= 2),
    ("policy.apply", "POST", "/policies/slow/apply", {},
     lambda a: all(a.get(f"/volumes/{v}")["assignment"]["version"] == a.get("/policies/slow")["version"]
                   for v in ("v1", "v2"))),
    ("volume.grow", "PATCH", "/volumes/v1", {"size_bytes": 32 * MIB},
     lambda a: a.get("/volumes/v1")["size_bytes"] == 32 * MIB),
    ("volume.stop", "POST", "/volumes/v2/stop", {}, lambda a: a.get("/volumes/v2")["desired_state"] == "offline"),
    ("volume.start", "POST", "/volumes/v2/start", {}, lambda a: a.get("/volumes/v2")["desired_state"] == "online"),
    ("chap.change", "PATCH", "/hosts/h2", {"chap_secret": "another-secret2"}, None),
    ("mutual.chap", "PUT", "/volumes/v2/mutual-chap", {"user": "target2", "secret": "mutual-secret-2"},
     lambda a: a.get("/volumes/v2")["target"]["mutual_user"] == "target2"),
    ("policy.remove", "DELETE", "/volumes/v1/policy", None, lambda a: a.get("/volumes/v1")["assignment"] is None),
    ("access.withdraw", "PUT", "/volumes/v1/access", {"hosts": [], "host_groups": []},
     lambda a: a.get("/volumes/v1/access")["hosts"] == []),
    ("volume.delete", "DELETE", "/volumes/v3?confirm=v3", None, lambda a: not exists(a, "/volumes/v3")),
    ("datastore.delete", "DELETE", "/datastores/d2", None, lambda a: not exists(a, "/datastores/d2")),
    ("volume.delete with all", "DELETE", "/volumes/v2?confirm=v2", None, lambda a: not exists(a, "/volumes/v2")),
    ("host.delete", "DELETE", "/hosts/h2", None, lambda a: not exists(a, "/hosts/h2")),
]


def perform(api, operation):
    """True: it was answered as done or accepted."""
    what, method, path, body, _ = operation
    status, answer, _ = api.ask(method, path, body)
    if status >= 300:
        raise AssertionError(f"{what}: {status} {answer}")
    return True


def one_kill(policyd, api, options, operation, kill_at):
    """True: the process was killed at that statement."""
    what, is_there = operation[0], operation[4]
    was_answered = False
    is_up = policyd.start(kill_at)
    if is_up:
        try:
            if is_there and is_there(api):
                was_answered = True  # a kill of an earlier round came after it was whole
            else:
                was_answered = perform(api, operation)
            settle(api)
            time.sleep(0.05)
        except rest.Gone:
            pass
    was_killed = policyd.is_dead() or not is_up
    policyd.end()
    if not policyd.start():
        raise AssertionError(f"{what}, killed at {kill_at}: policyd does not start any more")
    check_agreement(api, options)
    if is_there and was_answered and not is_there(api):
        raise AssertionError(f"{what}, killed at {kill_at}: it was answered and is not there")
    policyd.end()
    return was_killed


def main():
    parser = argparse.ArgumentParser()
    for name in ("socket", "filterd", "iqn-base"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    api = rest.Rest(options.socket, 30)
    policyd = Policyd(options.command[1:], api)
    kills = rounds = 0
    for index, operation in enumerate(OPERATIONS):
        kill_at = 1 + index % options.step
        here = 0
        while True:
            rounds += 1
            if not one_kill(policyd, api, options, operation, kill_at):
                break
            kills += 1
            here += 1
            kill_at += options.step
        # Without the fault, so that the next operation has something to stand on.
        policyd.start()
        if not operation[4] or not operation[4](api):
            perform(api, operation)
        check_agreement(api, options)
        policyd.end()
        print(f"{operation[0]}: {here} kills, the last before statement {kill_at - options.step}", flush=True)
    print(f"{len(OPERATIONS)} operations, {kills} kills in {rounds} rounds: database, filterd and tgtd agreed each time")


if __name__ == "__main__":
    main()
