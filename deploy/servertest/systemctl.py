#!/usr/bin/python3
"""Stand-in for systemd in a folder without it: starts what the unit files say, sockets included.

Installed as `systemctl`. The first call leaves a daemon behind that holds processes and sockets; each call
sends it one line of JSON. Hardening is not applied: `systemd-analyze` looks after that on its own.
"""

import json
import os
import pwd
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ADDRESS = "/run/servertest.sock"
LOGS = Path("/var/log/units")
FOLDERS = [Path("/etc/systemd/system"), Path("/lib/systemd/system")]
KNOWN = re.compile(r"(mariadb|nginx|nftables|ihome[\w-]*)\.service|ihome\.socket")
"""Others count as started: they would change the machine below, such as its clock, or, as mariadb.socket, are
disabled in Debian.
"""

STOP_SECONDS = 45


class Unit:
    """The lines of a unit file and its drop-ins, by name, in their order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: dict[str, list[str]] = {}
        for folder in reversed(FOLDERS):
            if (folder / name).is_file():
                self.path = folder / name
        if not hasattr(self, "path"):
            raise LookupError(f"Unit {name} not found.")
        for file in [self.path, *sorted(Path(f"/etc/systemd/system/{name}.d").glob("*.conf"))]:
            self._read(file.read_text(encoding="utf-8"))

    def _read(self, text: str) -> None:
        for line in text.replace("\\\n", " ").splitlines():
            key, is_setting, value = line.partition("=")
            if is_setting and not line.startswith(("#", ";")):
                self.values.setdefault(key.strip(), []).append(value.strip())

    def all(self, key: str) -> list[str]:
        return self.values.get(key, [])

    def one(self, key: str, default: str = "") -> str:
        return self.values.get(key, [default])[-1]


class Service:
    """One service: its process, restarted as the unit says."""

    def __init__(self, name: str, sockets: dict[str, socket.socket]) -> None:
        self.name, self.sockets = name, sockets
        self.pid = 0
        self.is_wanted = self.is_done = False

    def environment(self, unit: Unit) -> dict[str, str]:
        user = pwd.getpwnam(unit.one("User", "root"))
        result = {"PATH": os.environ["PATH"], "HOME": user.pw_dir, "USER": user.pw_name, "LANG": "C.UTF-8"}
        result |= {key: value for key, value in os.environ.items() if key.startswith("PYTHON")}
        for line in unit.all("Environment"):
            result |= _pairs(shlex.split(line))
        for name in unit.all("EnvironmentFile"):
            file = Path(name.removeprefix("-"))
            if file.exists() or not name.startswith("-"):
                result |= _pairs(file.read_text(encoding="utf-8").splitlines())
        return result

    def spawn(self, unit: Unit, line: str, *, main: bool) -> subprocess.Popen[bytes]:
        environment = self.environment(unit) | {"MAINPID": str(self.pid)}
        program, *arguments = shlex.split(line.lstrip("-+!@:"))
        expanded = []
        for argument in arguments:
            if re.fullmatch(r"\$\w+", argument):  # a word of its own: may be none or several
                expanded += environment.get(argument[1:], "").split()
            else:
                expanded.append(
                    re.sub(r"\$\{?(\w+)\}?", lambda found: environment.get(found[1], found[0]), argument)
                    if program != "/bin/sh"
                    else argument
                )
        sock = self.sockets.get(self.name.replace(".service", ".socket")) if main else None
        command = [program, *expanded]
        if sock:  # the shell becomes the program: LISTEN_PID is then its own id
            command = ["/bin/sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh", *command]
        user = pwd.getpwnam(unit.one("User", "root"))

        def in_child() -> None:
            if sock:
                os.dup2(sock.fileno(), 3)
            if user.pw_uid:
                os.initgroups(user.pw_name, user.pw_gid)
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)

        LOGS.mkdir(exist_ok=True)
        with (LOGS / self.name).open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=unit.one("WorkingDirectory", "/"),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=in_child,
                close_fds=True,
                pass_fds=[3] if sock else [],
            )

    def start(self) -> str:
        if self.is_active():
            return ""
        unit = Unit(self.name)
        self.is_wanted, self.is_done = True, False
        self._make_folders(unit)
        for line in unit.all("ExecStartPre"):
            if self.spawn(unit, line, main=False).wait() and not line.startswith("-"):
                return f"{self.name}: ExecStartPre failed: {line}"
        line = unit.one("ExecStart")
        process = self.spawn(unit, line, main=True)
        kind = unit.one("Type", "simple")
        if kind in ("oneshot", "forking"):
            if process.wait():
                self.is_wanted = False
                return f"{self.name} failed (status {process.returncode}): see {LOGS / self.name}"
            self.is_done = kind == "oneshot"
            self.pid = 0 if self.is_done else int(Path(unit.one("PIDFile")).read_text())
            return ""
        self.pid = process.pid
        threading.Thread(target=self._watch, args=(process, unit), daemon=True).start()
        return ""

    def _make_folders(self, unit: Unit) -> None:
        user = pwd.getpwnam(unit.one("User", "root"))
        for key, parent in (("RuntimeDirectory", "/run"), ("StateDirectory", "/var/lib")):
            for name in unit.one(key).split():
                folder = Path(parent, name)
                folder.mkdir(parents=True, exist_ok=True, mode=int(unit.one(f"{key}Mode", "755"), 8))
                os.chown(folder, user.pw_uid, user.pw_gid)

    def _watch(self, process: subprocess.Popen[bytes], unit: Unit) -> None:
        process.wait()
        if not self.is_wanted or self.pid != process.pid:
            return
        self.pid = 0
        if unit.one("Restart") in ("always", "on-failure", "on-abnormal"):
            time.sleep(float(unit.one("RestartSec", "0.1").removesuffix("s")))
            if self.is_wanted and not self.pid:
                self.start()

    def stop(self) -> str:
        self.is_wanted = self.is_done = False
        pid, self.pid = self.pid, 0
        if not pid:
            return ""
        _signal(pid, signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        while _is_alive(pid):
            if time.monotonic() > until:
                _signal(pid, signal.SIGKILL)
            time.sleep(0.05)
        return ""

    def reload(self) -> str:
        unit = Unit(self.name)
        for line in unit.all("ExecReload"):
            if self.spawn(unit, line, main=False).wait():
                return f"{self.name}: reload failed"
        return ""

    def is_active(self) -> bool:
        return self.is_done or (self.pid != 0 and _is_alive(self.pid))


def _pairs(lines: list[str]) -> dict[str, str]:
    return {name: value for name, equals, value in (line.partition("=") for line in lines) if equals}


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Manager:
    """Answers the calls of `systemctl`."""

    def __init__(self) -> None:
        self.services: dict[str, Service] = {}
        self.sockets: dict[str, socket.socket] = {}
        self.enabled: set[str] = set()
        self.started: set[str] = set()  # of those that are not really started: timers and others

    def call(self, verb: str, names: list[str], now: bool) -> tuple[int, str]:
        problems = []
        for name in names or [""]:
            full = name if "." in name else f"{name}.service"
            try:
                problem = self._one(verb, full, now)
            except (LookupError, OSError, ValueError) as error:
                problem = f"{full}: {error}"
            if problem:
                problems.append(problem)
        status = 3 if verb in ("is-active", "is-enabled") else 1
        return (status if problems else 0), "\n".join(problems)

    def _one(self, verb: str, name: str, now: bool) -> str:
        match verb:
            case "daemon-reload" | "set-environment" | "unset-environment" | "reset-failed":
                return ""
            case "enable":
                Unit(name)
                self.enabled.add(name)
                return self._one("start", name, now=False) if now else ""
            case "disable":
                self.enabled.discard(name)
                return self._one("stop", name, now=False) if now else ""
            case "is-enabled":
                return "" if name in self.enabled else "disabled"
            case "is-active":
                return "" if self._is_active(name) else "inactive"
        if not KNOWN.fullmatch(name):
            Unit(name)
            (self.started.discard if verb == "stop" else self.started.add)(name)
            return ""
        if name.endswith(".socket"):
            return self._socket(verb, name)
        service = self.services.setdefault(name, Service(name, self.sockets))
        return self._service(verb, service)

    def _service(self, verb: str, service: Service) -> str:
        match verb:
            case "start":
                if "ihome.socket" in Unit(service.name).one("Requires").split():
                    self._socket("start", "ihome.socket")
                return service.start()
            case "stop":
                return service.stop()
            case "restart":
                return service.stop() or self._service("start", service)
            case "reload":
                return service.reload()
        return f"the stand-in knows no {verb}"

    def _socket(self, verb: str, name: str) -> str:
        if verb == "stop":
            if name in self.sockets:
                self.sockets.pop(name).close()
        elif name not in self.sockets:
            unit = Unit(name)
            host, _, port = unit.one("ListenStream").rpartition(":")
            listening = socket.socket()
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, int(port)))
            listening.listen(int(unit.one("Backlog", "128")))
            self.sockets[name] = listening
        return ""

    def _is_active(self, name: str) -> bool:
        if name in self.services:
            return self.services[name].is_active()
        return name in self.started or name in self.sockets


def serve(listening: socket.socket) -> None:
    manager = Manager()
    while True:
        peer, _ = listening.accept()
        threading.Thread(target=_answer, args=(manager, peer), daemon=True).start()


def _answer(manager: Manager, peer: socket.socket) -> None:
    with peer, peer.makefile("rw") as lines:
        asked = json.loads(lines.readline())
        status, text = manager.call(asked["verb"], asked["names"], asked["now"])
        lines.write(json.dumps([status, text]) + "\n")


def leave_daemon() -> None:
    """Start the daemon, unless it runs. Returns once it listens."""
    if os.path.exists(ADDRESS):
        return
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(ADDRESS)
    listening.listen(64)
    if os.fork():
        return
    os.setsid()
    quiet = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(quiet, number)
    os.closerange(3, listening.fileno())
    os.closerange(listening.fileno() + 1, 64)
    serve(listening)


def main() -> int:
    options = [each for each in sys.argv[1:] if each.startswith("-")]
    verb, *names = [each for each in sys.argv[1:] if not each.startswith("-")]
    leave_daemon()
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(ADDRESS)
        with peer.makefile("rw") as lines:
            lines.write(json.dumps({"verb": verb, "names": names, "now": "--now" in options}) + "\n")
            lines.flush()
            status, text = json.loads(lines.readline())
    if text and not {"-q", "--quiet"} & set(options):
        print(text, file=sys.stderr)
    return int(status)


if __name__ == "__main__":
    raise SystemExit(main())
