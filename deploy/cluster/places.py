"""Addresses, settings and filled-in configuration of a local cluster: three machines on loopback."""

import os
import re
import secrets
import shutil
import sys
from pathlib import Path

from deploy.cluster.processes import ROOT, Trouble

CONFIGURATION = Path(__file__).resolve().parent
MACHINES = (1, 2, 3)
"""10.0.0.1 to 10.0.0.3 in the files of this folder. The site and a sweep run on the first two."""
SITES = (1, 2)
FRONT = "127.0.0.1"
"""Address of nginx and of the stand-in Alipay."""
DATABASE = "ihome"
MEMORY_MB = 64
PASSWORD = secrets.token_urlsafe(24)
PROGRAMS = {
    "mariadbd": "mariadb-server-core",
    "haproxy": "haproxy",
    "redis-server": "redis-server",
    "rsync": "rsync",
    "nginx": "nginx-light",
    "nft": "nftables",
}


def address(machine: int) -> str:
    return f"127.0.0.{10 + machine}"


def program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not found:
        raise Trouble(f"{name} is not installed; as root: apt-get install {PROGRAMS[name]}")
    return found


def on_loopback(text: str) -> str:
    return re.sub(r"\b10\.0\.0\.(\d)\b", lambda found: address(int(found[1])), text)


def filled(file: str, machine: int = 1) -> str:
    """Read a configuration as an operator would change it for this machine, with addresses on loopback."""
    text = (CONFIGURATION / file).read_text(encoding="utf-8")
    text = text.replace("127.0.0.1:", f"{address(machine)}:")
    own = r"(?m)^(bind-address|wsrep-node-address|bind)(\s*=?\s*)10\.0\.0\.1$"
    text = re.sub(own, rf"\g<1>\g<2>10.0.0.{machine}", text)
    text = re.sub(r"(_addr=(?:tcp://)?)10\.0\.0\.1\b", rf"\g<1>10.0.0.{machine}", text)
    return on_loopback(re.sub(r"(?m)^(wsrep-node-name\s*=\s*)node1$", rf"\g<1>node{machine}", text))


def mariadb_options(machine: int, folder: Path) -> list[str]:
    """Write both files of MariaDB and return the arguments of mariadbd."""
    tuned = (ROOT / "deploy/etc/mariadb.cnf").read_text("utf-8").replace("@memory@", str(MEMORY_MB))
    (folder / "60-ihome.cnf").write_text(tuned)
    (folder / "70-ihome-galera.cnf").write_text(filled("galera.cnf", machine))
    both = [f"!include {folder / name}\n" for name in ("60-ihome.cnf", "70-ihome-galera.cnf")]
    (folder / "my.cnf").write_text("".join(both))
    # mariabackup's program waits for ten seconds before each copy.
    return [f"--defaults-file={folder / 'my.cnf'}", *own_folder(folder), "--wsrep-sst-method=rsync"]


def own_folder(folder: Path) -> list[str]:
    """Arguments of mariadbd for what a package of Debian would set."""
    as_root = ["--user=root"] if os.getuid() == 0 else []
    return [
        *as_root,
        f"--datadir={folder / 'data'}",
        f"--socket={folder / 'socket'}",
        f"--pid-file={folder / 'pid'}",
        f"--tmpdir={folder}",
        f"--slow-query-log-file={folder / 'slow.log'}",
    ]


def nginx_configuration(folder: Path, port: int) -> str:
    """The upstream of this folder, and as much of deploy/nginx.conf as a cluster without https needs."""
    return f"""
daemon off;
pid {folder / "nginx.pid"};
error_log stderr;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder / "nginx-body"};
    proxy_temp_path {folder / "nginx-proxy"};
    fastcgi_temp_path {folder / "nginx-fastcgi"};
    uwsgi_temp_path {folder / "nginx-uwsgi"};
    scgi_temp_path {folder / "nginx-scgi"};
    include {folder / "nginx-sites.conf"};
    server {{
        listen {FRONT}:{port};
        client_max_body_size 200m;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Request-Id $request_id;
        proxy_read_timeout 35s;
        location / {{ proxy_pass http://ihome_sites; }}
    }}
}}
"""


def site_settings(folder: Path, port: int, standin_port: int) -> dict[str, str]:
    """Return every setting of the site, but for the database: a .env or the caller's must not change it."""
    keys = folder / "keys"
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "ihome_site.settings",
        "WEB_CONCURRENCY": "1",
        "DEBUG": "0",
        "REHEARSAL": "1",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "SITE_URL": f"http://{FRONT}:{port}",
        "ALLOWED_HOSTS": f"{FRONT},localhost",
        "CSRF_TRUSTED_ORIGINS": f"http://{FRONT}:{port}",
        "TRUST_PROXY": "1",
        "MEDIA_ROOT": str(folder / "media"),
        "STATIC_ROOT": str(folder / "static"),
        "REDIS_URL": f"redis://{address(1)}:6379/0",
        "EMAIL_URL": "dummymail://",
        "SMS_URL": "console://",
        "LOG_LEVEL": "INFO",
        "LOG_FORMAT": "text",
        "ALIPAY_GATEWAY_URL": f"http://{FRONT}:{standin_port}/gateway.do",
        "ALIPAY_APP_PRIVATE_KEY_PATH": str(keys / "app_private_key.pem"),
        "ALIPAY_PUBLIC_KEY_PATH": str(keys / "alipay_public_key.pem"),
    }


def database_url(machine: int) -> str:
    """The database as this machine's site and sweep know it: through its HAProxy."""
    return f"mysql://{DATABASE}:{PASSWORD}@{address(machine)}:3307/{DATABASE}"


def gunicorn(machine: int) -> list[str]:
    bind = f"--bind={address(machine)}:8000"
    return [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", bind, "ihome_site.wsgi"]
