#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""sluice on a terminal of its own; called by the script of the same name.

    test-cli-keeps-secrets.py PROGRAM SOCKET DIRECTORY
"""
import os
import pty
import select
import subprocess
import sys
import termios
import time

program, socket_path, directory = sys.argv[1:]
BASE = [program, "--socket", socket_path]
PASSWORD = "a long enough pass phrase"
SECRET = "abcdefgh12345678"


def fail(text):
    print("FAIL:", text)
    sys.exit(1)


def on_terminal(words, answers):
    """Runs it on a terminal; each answer goes in when its prompt has come. (exit code, all that was shown)"""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(program, BASE + words)
    shown, waiting, end = "", list(answers), time.monotonic() + 160
    seen = 0
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                data = os.read(terminal, 4096)
            except OSError:
                break
            if not data:
                break
            shown += data.decode()
        if waiting and waiting[0][0] in shown[seen:]:
            seen = len(shown)
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
                if PASSWORD in f.read():
                    fail("a secret stands in the arguments")
            os.write(terminal, (waiting.pop(0)[1] + "\n").encode())
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), shown


def interrupted():
    """Ctrl-C at a prompt: the program ends of it, and the terminal echoes again."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(program, BASE + ["login", "anna"])
    shown = b""
    while b"password: " not in shown:
        shown += os.read(terminal, 4096)
    os.write(terminal, b"\x03")
    while pid:
        try:
            os.read(terminal, 4096)
        except OSError:
            break
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
    echo = termios.tcgetattr(terminal)[3] & termios.ECHO
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != 2 or not echo:
        fail(f"Ctrl-C at a prompt: status {status}, echo {bool(echo)}")


def plain(words, given=None, more=None):
    done = subprocess.run(BASE + words, input=given, capture_output=True, text=True, timeout=160,
                          env={**os.environ, **(more or {})}, check=False)
    return done.returncode, done.stdout + done.stderr


def expect(what, got, code, part=""):
    if got[0] != code or part not in got[1]:
        fail(f"{what}: {got}")


made = on_terminal(["user", "create", "anna", "--role", "admin"], [("password: ", PASSWORD), ("once more: ", PASSWORD)])
expect("a user with a prompt", made, 0, "admin")
if PASSWORD in made[1]:
    fail("the password was echoed")
expect("two that differ", on_terminal(["user", "create", "bert", "--role", "viewer"],
                                      [("password: ", PASSWORD), ("once more: ", PASSWORD + "x")]), 2, "not the same")
expect("a password by standard input", plain(["login", "anna", "--password-file", "-"], PASSWORD + "\n"), 0, "admin")
expect("a wrong one", plain(["login", "anna", "--password-file", "-"], "wrong pass phrase\n"), 1)
expect("an empty one", plain(["login", "anna", "--password-file", "-"], "\n"), 2, "empty")
path = os.path.join(directory, "secret")
with open(path, "w", encoding="utf-8") as f:
    f.write(SECRET + "\n")
shown = plain(["host", "create", "h", "--iqn", "iqn.2026-01.test:h", "--chap-user", "h", "--chap-secret-file", path])
expect("a CHAP secret by file", shown, 0)
if SECRET in shown[1] or SECRET in plain(["--json", "host", "show", "h"])[1] or SECRET in plain(["audit", "list"])[1]:
    fail("the CHAP secret comes out again")
shown = plain(["host", "set", "h", "--generate-chap-secret"])
expect("a secret that is made", shown, 0, "chap_secret: ")
if "not shown again" not in shown[1]:
    fail(f"it is not said that the secret is shown once: {shown}")
shown = plain(["token", "create", "t", "--role", "viewer", "--expires-in", "1h"])
expect("a token", shown, 0, "token:")
token = [line for line in shown[1].splitlines() if line.startswith("token:")][0].split()[1]
expect("a token of the environment", plain(["whoami"], None, {"SLUICE_TOKEN": token}), 0, "viewer")
with open(path, "w", encoding="utf-8") as f:
    f.write(token + "\n")
expect("a token of a file", plain(["--token-file", path, "whoami"]), 0, "viewer")
expect("a token that may not", plain(["--token-file", path, "host", "delete", "h", "--yes"]), 1, "whoami")
expect("a token that is none", plain(["whoami"], None, {"SLUICE_TOKEN": "slc_nothing"}), 1, "--token-file")
expect("a token among the arguments", plain(["--token", token, "whoami"]), 2)

expect("another name", on_terminal(["host", "delete", "h"], [("to go on: ", "g")]), 2, "nothing was changed")
expect("the name", on_terminal(["host", "delete", "h"], [("to go on: ", "h")]), 0)
expect("it is gone", plain(["host", "show", "h"]), 1)
interrupted()
live = on_terminal(["top"], [("TOTAL", "n"), ("by name", "q")])
expect("top on a terminal", live, 0, "by name")
print("done")
