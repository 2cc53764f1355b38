"""Renters book, pay, return and cancel while one part after the other goes and comes. `make chaos` calls it.

Runs in a network namespace of its own, which ends with it. At the end each acknowledged change is counted
against the database and the stand-in Alipay. Exit status 1 if one is lost or doubled, money does not add up,
or nodes differ. Gaps are printed beside what they should be: a busy machine makes them longer.
"""

import argparse
import json
import os
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from deploy.cluster import counting, places, prepared
from deploy.cluster.cluster import Cluster
from deploy.cluster.faults import FAULTS, Fault, wait_for_calm
from deploy.cluster.probes import Probe, Reader, Writer
from deploy.cluster.processes import Trouble
from deploy.cluster.renters import Renter
from deploy.stopping import interrupt_once

PORT, STANDIN_PORT = 8000, 8001
RENTERS = 4
PROBES = ("13800000005", "13800000006")
SETTLE_SECONDS = 120
CALM_SECONDS = 3
IN_NAMESPACE = "IHOME_CHAOS"


class Chaos:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.is_over = threading.Event()
        self.notes = counting.Acknowledged()
        site = cluster.settings["SITE_URL"]
        self.reader, self.writer = (
            Reader(site, PROBES[0], self.is_over),
            Writer(site, PROBES[1], self.is_over),
        )
        self.renters = [
            Renter(site, number, RENTERS, self.notes, self.is_over) for number in range(1, RENTERS + 1)
        ]

    def run(self, minutes: float) -> None:
        people: list[Probe | Renter] = [self.reader, self.writer, *self.renters]
        for each in people:  # all at once would be refused
            each.visitor.sign_in_as(each.mobile)
            each.start()
            time.sleep(1)
        end = time.monotonic() + minutes * 60
        for fault in cycle(FAULTS):
            if time.monotonic() > end:
                break
            self.meet(fault)
        self.is_over.set()
        for each in people:
            each.join()

    def meet(self, fault: Fault) -> None:
        time.sleep(CALM_SECONDS)
        before = str(self.notes)
        since = time.monotonic()
        undo = fault.happen(self.cluster)
        time.sleep(fault.seconds)
        undo()
        wait_for_calm(self.cluster)
        until = time.monotonic()
        print(
            f"{fault.name:18} {self._figures(since, until)}  {fault.reach:11}  before it: {before}",
            flush=True,
        )

    def _figures(self, since: float, until: float) -> str:
        def figures(name: str, probe: Probe) -> str:
            failed, count = len(probe.failures(since, until)), probe.count(since, until)
            return f"{name}: gap {probe.longest_gap(since, until):4.1f} s, {failed:3} of {count:4} failed"

        return f"{figures('writes', self.writer)}  {figures('pages', self.reader)}"

    # --- The end ----------------------------------------------------------------------------------

    def trades(self) -> list[dict[str, Any]]:
        url = f"http://{places.FRONT}:{STANDIN_PORT}/_standin/trades"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return list(json.load(answer))

    def books(self) -> counting.Books:
        return counting.Books(*(self.cluster.node(1, statement) for statement in BOOKS))

    def settle(self) -> None:
        """Wait until the sweeps have done what is due."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline and any(counting.unsettled(self.books(), self.trades())):
            time.sleep(2)

    def faults_found(self) -> Iterator[str]:
        self.settle()
        self.cluster.stop("site", "sweep")
        books, trades = self.books(), self.trades()
        lost = list(counting.lost(self.notes, books, trades)) + list(counting.unsettled(books, trades))
        doubled = list(counting.doubled(books, trades))
        paid = sum(trade["received_fen"] > 0 for trade in trades)
        print(f"\nAcknowledged: {self.notes}. Alipay was paid {paid} times, with those of the demo.")
        print(f"Renters tried again: {dict(self.notes.failures)}")
        print(f"{len(lost)} lost, {len(doubled)} doubled")
        yield from (*lost, *doubled)
        yield from self._differing_nodes()
        yield from self._broken_rules()

    def _differing_nodes(self) -> Iterator[str]:
        tables = ", ".join(f"{places.DATABASE}.{name}" for (name,) in self.cluster.node(1, TABLES))
        sums = [self.cluster.node(each, f"CHECKSUM TABLE {tables}") for each in places.MACHINES]
        differing = [row[0][0] for row in zip(*sums, strict=True) if len(set(row)) > 1]
        print(f"{len(sums[0])} tables are the same on {len(sums)} nodes, but for {len(differing)}")
        yield from (f"{table} differs between the nodes" for table in differing)

    def _broken_rules(self) -> Iterator[str]:
        try:
            url = {"DATABASE_URL": places.database_url(1)}
            print(f"check_money: {prepared.manage(self.cluster.settings | url, 'check_money').strip()}")
        except Trouble as broken:
            yield str(broken)


TABLES = f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{places.DATABASE}'"  # noqa: S608
BOOKS = (
    "SELECT number, status, renter_id, house_id, check_in FROM ihome.orders_order",
    "SELECT out_trade_no, status, received_fen FROM ihome.payments_payment",
    "SELECT out_trade_no, out_request_no, r.amount_fen, r.status FROM ihome.payments_refund r "
    "JOIN ihome.payments_payment p ON p.id = r.payment_id",
)


def main(minutes: float) -> int:
    cluster = Cluster(PORT, STANDIN_PORT)
    try:
        cluster.up()
        wait_for_calm(cluster)
        print(f"Up. Faults for {minutes:g} minutes, {RENTERS} renters:\n", flush=True)
        chaos = Chaos(cluster)
        chaos.run(minutes)
        found = list(chaos.faults_found())
        print("\n".join(found))
        return 1 if found else 0
    finally:
        cluster.down()


def enter_namespace() -> None:
    """Run this program again, with a loopback of its own: faults cut it, and no port is taken."""
    as_user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    again = [sys.executable, "-m", "deploy.cluster.chaos", *sys.argv[1:]]
    program = ["unshare", *as_user, "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *again]
    os.environ[IN_NAMESPACE] = "1"
    os.execvp(program[0], program)  # noqa: S606


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3)
    arguments = parser.parse_args()
    if IN_NAMESPACE not in os.environ:
        enter_namespace()
    interrupt_once()
    try:
        sys.exit(main(**vars(arguments)))
    except KeyboardInterrupt:
        print("\nStopped.")
        sys.exit(130)
    except Trouble as trouble:
        sys.exit(f"ihome: {trouble}")
