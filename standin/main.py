"""Command line, with or without Django: `manage.py alipay_standin`, `python -m standin`."""

import argparse
import ipaddress
import logging
import signal
import sys
import threading
from pathlib import Path

from .signing import BadKeys
from .standin import StandIn


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True, help="0 picks a free port")
    parser.add_argument("--host", type=_loopback, default="127.0.0.1", help="a loopback address")
    parser.add_argument(
        "--keys", type=Path, default=Path("keys"), help="folder made by make_demo_keys (default: keys/)"
    )
    parser.add_argument("--state", type=Path, help="SQLite file for trades and notices (default: in memory)")
    parser.add_argument("--clock-speed", type=_speed, default=1.0, help="divides the pauses between notices")
    parser.add_argument("--app-id", default="", help="default: from the keys folder")
    parser.add_argument("--seller-id", default="", help="default: from the keys folder")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code. Must be called in the main thread."""
    log = logging.getLogger("standin")
    log.setLevel(logging.INFO)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.handlers, log.propagate = [handler], False

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        standin = StandIn.start(
            keys=arguments.keys,
            host=arguments.host,
            port=arguments.port,
            state=arguments.state,
            clock_speed=arguments.clock_speed,
            app_id=arguments.app_id,
            seller_id=arguments.seller_id,
        )
    except BadKeys as error:
        print(f"The stand-in Alipay can't start: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The stand-in Alipay can't listen on port {arguments.port}: {error.strerror}", file=sys.stderr)
        return 1
    with standin:
        print(f"stand-in Alipay on {standin.url}", flush=True)
        stop.wait()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m standin", description="A stand-in Alipay on 127.0.0.1.")
    add_arguments(parser)
    return run(parser.parse_args())


def _loopback(text: str) -> str:
    if not ipaddress.IPv4Address(text).is_loopback:
        raise argparse.ArgumentTypeError(
            "must be a loopback address: anyone who can connect can pay and refund"
        )
    return text


def _speed(text: str) -> float:
    speed = float(text)
    if not speed > 0:
        raise argparse.ArgumentTypeError("must be greater than 0")
    return speed
