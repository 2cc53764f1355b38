"""A database with demo data, as one machine has it before there are three. Kept between starts."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import MySQLdb

from deploy.cluster import places
from deploy.cluster.processes import ROOT, Process, Trouble, wait_until

SOURCES = ("*/migrations/*.py", "demo/**/*.py", "deploy/cluster/prepared.py")
QUICK = ("--innodb-flush-log-at-trx-commit=0", "--skip-networking", "--character-set-server=utf8mb4")


def key() -> str:
    """A hash of what the data depends on; demo orders depend on the day."""
    digest = hashlib.sha256(str(date.today()).encode())  # noqa: DTZ011
    for pattern in SOURCES:
        for file in sorted(ROOT.glob(pattern)):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def make(folder: Path, settings: dict[str, str], standin_port: int) -> None:
    """Fill the folder, unless it was filled from the same sources today."""
    stamp = folder / "key"
    if stamp.exists() and stamp.read_text() == key():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    print("Preparing a database with demo data, once a day …", flush=True)
    install(folder)
    manage(settings, "make_demo_keys", str(folder / "keys"))
    settings |= ids_at_alipay(folder)
    url = f"mysql://root@localhost/{places.DATABASE}?unix_socket={folder / 'socket'}"
    with server(folder), alipay(folder, settings, standin_port):
        settings = settings | {"DATABASE_URL": url, "REDIS_URL": ""}
        ask(folder / "socket", f"CREATE DATABASE {places.DATABASE} COLLATE utf8mb4_unicode_ci")
        manage(settings, "migrate", "--noinput", "--verbosity=0")
        manage(settings, "seed_demo")
    stamp.write_text(key())


def ids_at_alipay(folder: Path) -> dict[str, str]:
    ids = json.loads((folder / "keys/standin.json").read_text())
    return {"ALIPAY_APP_ID": ids["app_id"], "ALIPAY_SELLER_ID": ids["seller_id"]}


def install(folder: Path) -> None:
    command = [places.program("mariadb-install-db"), "--no-defaults", f"--datadir={folder / 'data'}"]
    command += ["--auth-root-authentication-method=normal", "--skip-test-db"]
    command += ["--user=root"] if os.getuid() == 0 else []
    run(command, {**os.environ, "TMPDIR": str(folder)})


def manage(settings: dict[str, str], *arguments: str) -> str:
    return run([sys.executable, "manage.py", *arguments], settings)


def run(command: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise Trouble(f"{' '.join(command[:3])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def server(folder: Path) -> Iterator[None]:
    """One MariaDB on a socket."""
    command = [places.program("mariadbd"), "--no-defaults", *places.own_folder(folder), *QUICK]
    one = Process("mariadb", command, dict(os.environ), folder / "mariadb.log")
    one.start()
    try:
        wait_until(lambda: answers(folder / "socket"), 60, one.end_of_log)
        yield
    finally:
        one.stop()


@contextmanager
def alipay(folder: Path, settings: dict[str, str], port: int) -> Iterator[None]:
    one = Process("alipay", standin(folder, port), settings, folder / "alipay.log")
    one.start()
    try:
        time.sleep(1)
        yield
    finally:
        one.stop()


def standin(folder: Path, port: int) -> list[str]:
    where = [f"--port={port}", f"--keys={folder / 'keys'}", f"--state={folder / 'standin.sqlite3'}"]
    return [sys.executable, "manage.py", "alipay_standin", *where]


def ask(socket: Path, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement as root on the server with this socket."""
    connection = MySQLdb.connect(unix_socket=str(socket), user="root", connect_timeout=2, read_timeout=30)
    try:
        cursor = connection.cursor()
        cursor.execute(statement)
        rows = list(cursor.fetchall())
        connection.commit()
        return rows
    finally:
        connection.close()


def answers(socket: Path) -> bool:
    try:
        ask(socket, "SELECT 1")
    except MySQLdb.Error:
        return False
    return True
