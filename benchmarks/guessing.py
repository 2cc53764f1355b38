"""The shop while passwords are guessed: how long /livez takes beside 40 connections that try to sign in.

gunicorn runs as in production, with TRUST_PROXY, so that each try can come from an address of its own.
Requests go through sockets, since waiting for a thread is what is measured.
"""

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from threading import Thread
from urllib.parse import urlencode

from benchmarks import serving
from benchmarks.measure import Ratio
from benchmarks.serving import HOST, ROOT

CONNECTIONS = 40
QUIET_SECONDS, ATTACK_SECONDS, WARM_UP_SECONDS = 4, 6, 1
PAUSE_SECONDS = 0.01
MANY, ONE, SIGNING_UP = "many addresses and numbers", "one address", "sign-ups from many addresses"
WAYS = (MANY, ONE, SIGNING_UP)
REACH_MS = 300
LOGIN, SIGN_UP = "/accounts/login/", "/accounts/signup/"


def guessing() -> list[Ratio]:
    """Measure with nobody, with guessers of many addresses or of one, and with forty who sign up."""
    print(f"\n/livez beside {CONNECTIONS} connections that guess")
    print(f"  {'':<58}{'p50':>12}{'p99':>12}{'answers':>12}")
    with serving.gunicorn(TRUST_PROXY="1") as (port, _master):
        quiet = _row("nobody guesses", _watch(port, QUIET_SECONDS))
        worst = max(_row(f"{name} {said}", times) for name in WAYS for times, said in [_attacked(port, name)])
    return [
        Ratio("/livez p99 while 40 connections guess, ms", worst, REACH_MS, at_most=True),
        Ratio("/livez p99 while 40 connections guess, beside nobody", worst / quiet),
    ]


def _row(name: str, seconds: list[float]) -> float:
    """Print a line. Returns the 99th percentile in milliseconds."""
    ordered = sorted(seconds)
    p50, p99 = (1000 * ordered[int(len(ordered) * part)] for part in (0.5, 0.99))
    print(f"  {name:<58}{p50:>9,.1f} ms{p99:>9,.1f} ms{len(ordered):>12}", flush=True)
    return p99


def _livez(port: int) -> None:
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    connection.request("GET", "/livez")
    assert connection.getresponse().read() == b"ok\n"
    connection.close()


def _watch(port: int, seconds: float) -> list[float]:
    """Ask on a new connection each time, as a watcher does. Returns the times."""
    found, end = [], time.monotonic() + seconds
    while (start := time.monotonic()) < end:
        _livez(port)
        found.append(time.monotonic() - start)
        time.sleep(PAUSE_SECONDS)
    return found


def _attacked(port: int, way: str) -> tuple[list[float], str]:
    """Watch while a process of its own guesses. Returns the times, and the guessers' answers."""
    command = [sys.executable, "-m", "benchmarks.guessing", str(port), way]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as guessers:
        time.sleep(WARM_UP_SECONDS)
        found = _watch(port, ATTACK_SECONDS)
        answers: dict[str, int] = json.loads(guessers.communicate(timeout=60)[0])
    assert answers, "nobody guessed"
    return found, "(" + ", ".join(f"{count} × {status}" for status, count in answers.items()) + ")"


def _guess(port: int, number: int, way: str, end: float, answers: Counter[int]) -> None:
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    page_of = SIGN_UP if way == SIGNING_UP else LOGIN
    connection.request("GET", page_of)
    page = connection.getresponse()
    cookie = str(page.getheader("Set-Cookie")).partition(";")[0]
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())[0]
    for n in range(10**6):
        if time.monotonic() > end:
            return
        address = f"10.{number}.{n // 250}.{n % 250}" if way != ONE else "192.0.2.1"
        typed = {
            "username": f"139{number:04}{n:04}",
            "password": "lantern-on-a-hill",
            "csrfmiddlewaretoken": token,
        }
        headers = {
            "Cookie": cookie,
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": os.environ.get("SITE_URL", ""),
            "X-Forwarded-For": address,
        }
        connection.request("POST", page_of, urlencode(typed), headers)
        page = connection.getresponse()
        page.read()
        answers[page.status] += 1


def _guess_at_once(port: int, way: str) -> None:
    end, answers = time.monotonic() + WARM_UP_SECONDS + ATTACK_SECONDS, Counter[int]()
    guessers = [
        Thread(target=_guess, args=(port, number, way, end, answers)) for number in range(CONNECTIONS)
    ]
    for guesser in guessers:
        guesser.start()
    for guesser in guessers:
        guesser.join()
    print(json.dumps(dict(sorted(answers.items()))))


if __name__ == "__main__":
    _guess_at_once(int(sys.argv[1]), sys.argv[2])
