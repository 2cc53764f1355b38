"""A cluster on loopback: three nodes of MariaDB, two sites, two sweeps, and what stands between them."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import MySQLdb

from deploy.cluster import galera_check, places, prepared
from deploy.cluster.places import MACHINES, SITES, address, filled, program
from deploy.cluster.processes import ROOT, Keeper, Process, Trouble, wait_until

START_SECONDS = 90
KEPT = ROOT / ".cluster"


class Cluster:
    def __init__(self, port: int, standin_port: int) -> None:
        self.port, self.standin_port = port, standin_port
        self.prepared, self.folder = KEPT / "prepared", KEPT / "run"
        self.settings = places.site_settings(self.prepared, port, standin_port)
        self.processes: dict[str, Process] = {}
        self.keeper: Keeper | None = None

    # --- Up and down ------------------------------------------------------------------------------

    def up(self) -> None:
        for name in places.PROGRAMS:
            program(name)
        prepared.make(self.prepared, self.settings, self.standin_port)
        self.settings |= prepared.ids_at_alipay(self.prepared)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700)
        self._describe()
        pages = threading.Thread(target=self._collect_static)
        pages.start()
        self._start("alipay", "node1", "check1", "check2", "check3", "redis", "haproxy1", "haproxy2")
        self.wait_for_node(1)
        self._let_the_site_in()
        self._start("node2", "node3")
        pages.join()
        self._start("site1", "site2", "sweep1", "sweep2", "nginx")
        for machine in MACHINES:
            self.wait_for_node(machine)
        wait_until(self.is_ready, START_SECONDS, self._reason)
        self.keeper = Keeper(list(self.processes.values()))
        self.keeper.start()

    def down(self) -> None:
        if self.keeper:
            self.keeper.is_over.set()
            self.keeper.join()
        self.stop("nginx", "site", "sweep")
        self.stop("haproxy", "check", "redis", "alipay", "node")

    def stop(self, *groups: str) -> None:
        """Stop all whose names begin so, at once."""
        named = [process for name, process in self.processes.items() if name.startswith(groups)]
        stopping = [threading.Thread(target=process.stop) for process in named]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()

    def is_ready(self) -> bool:
        return status_of(f"{self.settings['SITE_URL']}/readyz") == 200

    # --- Nodes ------------------------------------------------------------------------------------

    def node(self, machine: int, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement on one node, past HAProxy."""
        return prepared.ask(self._data(machine) / "socket", statement)

    def is_in_step(self, machine: int) -> bool:
        try:
            status = dict[str, str](self.node(machine, galera_check.STATUS))
        except MySQLdb.Error:
            return False
        return not galera_check.fault_of(status)

    def wait_for_node(self, machine: int) -> None:
        node = self.processes[f"node{machine}"]
        wait_until(lambda: self.is_in_step(machine) or not node.is_alive, START_SECONDS, node.end_of_log)
        if not node.is_alive:
            raise Trouble(node.end_of_log())

    def writer(self) -> int:
        """Return the machine whose node takes the writes, by the order in haproxy.cfg."""
        return next(machine for machine in MACHINES if self.is_in_step(machine))

    # --- Sites ------------------------------------------------------------------------------------

    def let_nginx_ask(self, machines: set[int]) -> None:
        """Mark the sites of other machines as down, and wait until nginx's workers know it."""
        text = filled("nginx-sites.conf")
        for machine in set(SITES) - machines:
            text = re.sub(rf"(server {address(machine)}:8000)[^;]*;", r"\1 down;", text)
        self._write("nginx-sites.conf", text)
        if nginx := self.processes["nginx"].running:
            nginx.send_signal(signal.SIGHUP)
        time.sleep(1)

    def wait_for_site(self, machine: int) -> None:
        url = f"http://{address(machine)}:8000/livez"
        wait_until(lambda: status_of(url) == 200, START_SECONDS, self.processes[f"site{machine}"].end_of_log)

    # --- Processes --------------------------------------------------------------------------------

    def _describe(self) -> None:
        shutil.copy(self.prepared / "standin.sqlite3", self.folder)
        os.symlink(self.prepared / "keys", self.folder / "keys")
        self._add("alipay", prepared.standin(self.folder, self.standin_port))
        for machine in MACHINES:
            self._describe_node(machine)
        for machine in SITES:
            self._describe_site(machine)
        redis = self._write("redis.conf", filled("redis.conf"))
        self._add("redis", [program("redis-server"), redis, "--dir", str(self.folder)])
        self._write("nginx-sites.conf", filled("nginx-sites.conf"))
        nginx = self._write("nginx.conf", places.nginx_configuration(self.folder, self.port))
        self._add("nginx", [program("nginx"), "-c", nginx, "-e", "stderr"])

    def _describe_node(self, machine: int) -> None:
        folder = self._data(machine)
        folder.mkdir()
        if machine == 1:  # the others get theirs from it
            shutil.copytree(self.prepared / "data", folder / "data")
        else:
            (folder / "data").mkdir()
        command = [program("mariadbd"), *places.mariadb_options(machine, folder)]
        # The programs that copy a node to another: deploy/machine.sh
        node = self._add(
            f"node{machine}", command, {"PATH": f"{KEPT / 'sst'}:{os.environ['PATH']}:/usr/sbin"}
        )
        node.before_start = lambda: _joining(node, is_first=machine == 1)
        check = [sys.executable, "deploy/cluster/galera_check.py", address(machine), "9200"]
        self._add(f"check{machine}", [*check, str(folder / "socket")])

    def _describe_site(self, machine: int) -> None:
        haproxy = self._write(f"haproxy{machine}.cfg", filled("haproxy.cfg", machine))
        self._add(f"haproxy{machine}", [program("haproxy"), "-db", "-f", haproxy])
        settings = {"DATABASE_URL": places.database_url(machine)}
        self._add(f"site{machine}", places.gunicorn(machine), settings)
        sweep = [sys.executable, "manage.py", "sweep", "--loop", "10"]
        self._add(f"sweep{machine}", sweep, settings)

    def _add(self, name: str, command: list[str], settings: dict[str, str] | None = None) -> Process:
        env = self.settings | (settings or {})
        process = self.processes[name] = Process(name, command, env, self.folder / f"{name}.log")
        return process

    def _start(self, *names: str) -> None:
        for name in names:
            self.processes[name].start()

    # --- Files ------------------------------------------------------------------------------------

    def _data(self, machine: int) -> Path:
        return self.folder / f"node{machine}"

    def _write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def _collect_static(self) -> None:
        settings = self.settings | {"DATABASE_URL": "sqlite://:memory:", "REDIS_URL": ""}
        prepared.manage(settings, "collectstatic", "--noinput", "--verbosity=0")

    def _let_the_site_in(self) -> None:
        user = f"'{places.DATABASE}'@'127.0.0.%'"
        self.node(1, f"CREATE OR REPLACE USER {user} IDENTIFIED BY '{places.PASSWORD}'")
        self.node(1, f"GRANT ALL ON {places.DATABASE}.* TO {user}")

    def _reason(self) -> str:
        return f"The site did not get ready:\n{self.processes['site1'].end_of_log()}"


def status_of(url: str) -> int:
    """Return the status of a page; 0 without an answer."""
    request = urllib.request.Request(url, headers={"Host": places.FRONT})  # noqa: S310  on loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code
    except OSError:
        return 0


def _joining(node: Process, *, is_first: bool) -> list[str]:
    """Return how a node joins: one that comes back says up to which change it has everything."""
    if node.running is None:
        return ["--wsrep-new-cluster"] if is_first else []
    done = subprocess.run([*node.command, "--wsrep-recover"], capture_output=True, text=True, cwd=ROOT)
    found = re.findall(r"Recovered position:\s*(\S+)", done.stdout + done.stderr)
    return [f"--wsrep-start-position={found[-1]}"] if found else []


def free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((places.FRONT, port))
        except (OSError, OverflowError):
            return False
    return True
