"""python -m benchmarks: the figures of docs/benchmarks.md. `make bench` runs it on a fresh MariaDB."""

import argparse
import os
import platform
import time
from importlib.metadata import version

from benchmarks import environment

ORDERS, ROUNDS = 1_000_000, 15
QUICK_ORDERS, QUICK_ROUNDS = 20_000, 2
ATTEMPTS, QUICK_ATTEMPTS = 10_000, 300
WORKS = (
    "pay",
    "notify",
    "return",
    "load",
    "outage",
    "homes",
    "my_orders",
    "staff",
    "sweep",
    "guessing",
)
PACKAGES = ("Django", "mysqlclient", "python-alipay-sdk", "cryptography")


def main(works: list[str], orders: int, rounds: int, attempts: int, base: str | None) -> int:
    """Print the figures of these works. Return 0 whatever the ratios are, 1 if a comparison was not valid."""
    start = time.monotonic()
    with environment.prepared() as standin_url:
        # Models can be imported only after Django is set up.
        from benchmarks import guessing, homes, load, my_orders, outage, paying, staff, sweep
        from benchmarks.standin import Alipay

        print(_about())
        scenario = paying.Scenario(Alipay(standin_url))
        figures = {
            "pay": lambda: paying.press_pay(scenario, rounds),
            "notify": lambda: paying.notify(scenario, rounds),
            "return": lambda: [
                *paying.return_after_notify(scenario, rounds),
                *paying.return_with_query(scenario, rounds),
            ],
            "load": lambda: load.load(standin_url, base),
            "outage": lambda: outage.after_a_day(scenario, attempts),
            "homes": lambda: homes.homes(orders // homes.NIGHTS_PER_HOME, rounds),  # as many nights as orders
            "my_orders": lambda: my_orders.my_orders(orders, rounds),
            "staff": lambda: staff.staff(orders, max(2, rounds // 5)),
            "sweep": lambda: sweep.sweep(orders, rounds),
            "guessing": guessing.guessing,
        }
        ratios, problems = [], []
        for name in works:
            try:
                ratios += figures[name]()
            except paying.BareHandlerDiffers as problem:
                problems.append(problem)
    print("\nRatios" + " " * 65 + "here   reach")
    print(*(f"  {ratio}" for ratio in ratios), sep="\n")
    print(*(f"\nNOT COMPARED: {problem}" for problem in problems), sep="\n")
    print(f"\n{time.monotonic() - start:.0f} s in all")
    return 1 if problems else 0


def _about() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT VERSION(), @@innodb_flush_log_at_trx_commit")
        server, flush = cursor.fetchone()
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    machine = f"{os.cpu_count()} cores (load {os.getloadavg()[0]:.1f}), Python {platform.python_version()}"
    return (
        f"{time.strftime('%Y-%m-%d')}, {machine}, {packages}\n"
        f"{server}, innodb_flush_log_at_trx_commit={flush}\n"
        "One thread calls the WSGI applications in turns; no sockets, but for load and guessing."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("works", nargs="*", help=f"some of: {', '.join(WORKS)} (all)")
    parser.add_argument("--quick", action="store_true", help="a smoke run: few rounds, a small table")
    parser.add_argument(
        "--orders", type=int, help=f"rows in the large table ({ORDERS:,}), a multiple of 1,000"
    )
    parser.add_argument("--rounds", type=int, help=f"({ROUNDS})")
    parser.add_argument("--base", metavar="COMMIT", help="measure the load with the code of this commit, too")
    arguments = parser.parse_args()
    orders = arguments.orders or (QUICK_ORDERS if arguments.quick else ORDERS)
    if orders % 1000 or orders < 20_000:
        parser.error("--orders must be a multiple of 1,000, at least 20,000")
    if unknown := set(arguments.works) - set(WORKS):
        parser.error(f"no such work: {', '.join(sorted(unknown))}")
    works = [name for name in WORKS if name in (arguments.works or WORKS)]
    try:
        rounds = arguments.rounds or (QUICK_ROUNDS if arguments.quick else ROUNDS)
        attempts = QUICK_ATTEMPTS if arguments.quick else ATTEMPTS
        status = main(works, orders, rounds, attempts, arguments.base)
    except environment.NotPossible as why:
        raise SystemExit(str(why)) from None
    raise SystemExit(status)
