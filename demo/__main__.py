"""Start the whole demo: the site, the stand-in Alipay and the sweep. `make demo` calls it.

Database, media, keys and logs are in .demo/ and are kept between starts.
"""

import argparse
import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

from deploy.stopping import interrupt_once

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".demo"
KEYS = FOLDER / "keys"
LOGS = FOLDER / "logs"
HOST = "127.0.0.1"
START_SECONDS = 60
STOP_SECONDS = 15


class Trouble(Exception):
    """The demo can't run; the message tells the user why."""


def main(port: int, standin_port: int) -> None:
    for number, name in ((port, "PORT"), (standin_port, "STANDIN_PORT")):
        require_free(number, name)
    env = environment(port, standin_port)
    say("Preparing keys, pages and data …")
    make_keys(env)
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        running["alipay"] = start("alipay", alipay(standin_port), env)
        wait_until_ready("alipay", standin_port, "/_standin/health", running)
        sign_ins = prepare(env)
        running["site"] = start("site", site(port), env)
        running["sweep"] = start("sweep", ["manage.py", "sweep", "--loop=5"], env)
        wait_until_ready("site", port, "/readyz", running)
        say(f"""
The site           http://{HOST}:{port}/
The admin          http://{HOST}:{port}/admin/
Stand-in Alipay    http://{HOST}:{standin_port}/  (no real money moves)

{sign_ins}
Data, keys and logs are in {FOLDER.name}/. Ctrl-C stops everything.""")
        watch(running)
    finally:
        stop(running)


def require_free(port: int, name: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise Trouble(
                f"Port {port} is not available ({error}). Choose another one: make demo {name}=…"
            ) from error


def environment(port: int, standin_port: int) -> dict[str, str]:
    """Return every setting of the site: a .env or the caller's environment must not change the demo."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "ihome_site.settings",
        "DEBUG": "0",
        "SECRET_KEY": secret_key(),
        "SITE_URL": f"http://{HOST}:{port}",
        "ALLOWED_HOSTS": f"{HOST},localhost",
        "CSRF_TRUSTED_ORIGINS": f"http://{HOST}:{port}",
        "TRUST_PROXY": "0",
        "REHEARSAL": "1",
        "DATABASE_URL": f"sqlite:///{FOLDER / 'db.sqlite3'}",
        "MEDIA_ROOT": str(FOLDER / "media"),
        "STATIC_ROOT": str(FOLDER / "static"),
        "REDIS_URL": "",
        "EMAIL_URL": "consolemail://",
        "DEFAULT_FROM_EMAIL": "ihome <noreply@localhost>",
        "SMS_URL": "console://",
        "SMS_DAILY_BUDGET": "500",
        "SMS_PER_ADDRESS": "10",
        "CONTACT_PHONE": "0592-000-0000",
        "CONTACT_EMAIL": "stay@ihome.example",
        "COMPANY_NAME": "虚构示例民宿有限公司（演示）",
        "COMPANY_CREDIT_CODE": "91350200MADEM00001",
        "COMPANY_LICENCES": "特种行业许可证 演示第000000号",
        "ICP_NUMBER": "闽ICP备00000000号",
        "POLICE_NUMBER": "闽公网安备00000000000000号",
        "STAFF_REFUND_LIMIT": "1000.00",
        "LOG_LEVEL": "INFO",
        "LOG_FORMAT": "text",
        "ALIPAY_GATEWAY_URL": f"http://{HOST}:{standin_port}/gateway.do",
        "ALIPAY_APP_PRIVATE_KEY_PATH": str(KEYS / "app_private_key.pem"),
        "ALIPAY_PUBLIC_KEY_PATH": str(KEYS / "alipay_public_key.pem"),
    }


def secret_key() -> str:
    """Return the secret key, made at the first start and kept: sign-ins survive a restart."""
    path = FOLDER / "secret_key"
    path.touch(mode=0o600)  # before the secret is written
    if not path.read_text():
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


def make_keys(env: dict[str, str]) -> None:
    """Make missing keys and add the ids of app and seller to `env`."""
    LOGS.mkdir(exist_ok=True)
    manage(env, "make_demo_keys", str(KEYS))
    ids = json.loads((KEYS / "standin.json").read_text())
    env.update(ALIPAY_APP_ID=ids["app_id"], ALIPAY_SELLER_ID=ids["seller_id"])


def prepare(env: dict[str, str]) -> str:
    """Prepare static files, database and demo data. Return the output of seed_demo."""
    manage(env, "collectstatic", "--noinput", "--verbosity=0")
    manage(env, "migrate", "--noinput", "--verbosity=0")
    return manage(env, "seed_demo")


def manage(env: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise Trouble(f"manage.py {arguments[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def alipay(port: int) -> list[str]:
    state = FOLDER / "standin.sqlite3"
    return ["manage.py", "alipay_standin", f"--port={port}", f"--keys={KEYS}", f"--state={state}"]


def site(port: int) -> list[str]:
    return ["-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", f"--bind={HOST}:{port}", "ihome_site.wsgi"]


def start(name: str, arguments: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    with log_of(name).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def log_of(name: str) -> Path:
    return LOGS / f"{name}.log"


def wait_until_ready(name: str, port: int, path: str, running: dict[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_ready(port, path):
        require_alive(running)
        if time.monotonic() > deadline:
            raise Trouble(f"{name} did not get ready within {START_SECONDS} s:\n{end_of_log(name)}")
        time.sleep(0.2)


def is_ready(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def watch(running: dict[str, subprocess.Popen[bytes]]) -> None:
    while True:
        require_alive(running)
        time.sleep(0.5)


def require_alive(running: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, process in running.items():
        if process.poll() is not None:
            time.sleep(0.2)  # Ctrl-C reaches all processes at once: let our own handler run first
            raise Trouble(f"{name} ended (status {process.returncode}); end of its log:\n{end_of_log(name)}")


def end_of_log(name: str) -> str:
    return "\n".join(log_of(name).read_text(errors="replace").splitlines()[-15:])


def stop(running: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in running.values():
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in running.values():
        try:
            process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def say(message: str) -> None:
    print(message, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--standin-port", type=int, required=True)
    interrupt_once()
    try:
        main(**vars(parser.parse_args()))
    except KeyboardInterrupt:
        say("\nStopped.")
    except Trouble as trouble:
        raise SystemExit(f"ihome: {trouble}") from None
