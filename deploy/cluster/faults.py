"""Faults of a cluster: each goes, stays away for some seconds, and comes back."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from deploy.cluster import places
from deploy.cluster.cluster import Cluster


@dataclass(frozen=True)
class Fault:
    name: str
    happen: Callable[[Cluster], Callable[[], None]]
    """Makes it happen and returns what ends it."""
    seconds: float
    reach: str = ""
    """Of the longest gap or the number of failed pages; empty where none is set."""


def kill(name: str) -> Callable[[Cluster], Callable[[], None]]:
    def happen(cluster: Cluster) -> Callable[[], None]:
        cluster.processes[name].kill()
        return cluster.processes[name].start

    return happen


def kill_writer(cluster: Cluster) -> Callable[[], None]:
    node = cluster.processes[f"node{cluster.writer()}"]
    node.kill()
    return node.start


def freeze_writer(cluster: Cluster) -> Callable[[], None]:
    node = cluster.processes[f"node{cluster.writer()}"]
    node.freeze()
    return node.thaw


def cut_off(machine: int) -> Callable[[Cluster], Callable[[], None]]:
    """Drop whatever is sent to a machine or by it: its database, HAProxy, site; Redis on the first."""

    def happen(_cluster: Cluster) -> Callable[[], None]:
        nft("add table inet cut")
        nft("add chain inet cut input { type filter hook input priority 0 ; }")
        for end in ("saddr", "daddr"):
            nft(f"add rule inet cut input ip {end} {places.address(machine)} drop")
        return lambda: nft("delete table inet cut")

    return happen


def nft(rule: str) -> None:
    subprocess.run([places.program("nft"), rule], check=True, capture_output=True)


def restart_each_site(cluster: Cluster) -> Callable[[], None]:
    """A rolling upgrade: take a machine out of nginx, restart its site and sweep, and put it back."""
    for machine in places.SITES:
        cluster.let_nginx_ask({*places.SITES} - {machine})
        for name in (f"site{machine}", f"sweep{machine}"):
            cluster.processes[name].stop()
            cluster.processes[name].start()
        cluster.wait_for_site(machine)
        cluster.let_nginx_ask({*places.SITES})
    return lambda: None


FAULTS = (
    Fault("writer killed", kill_writer, 6, "gap ≤ 4 s"),
    Fault("gunicorn killed", kill("site1"), 4, "gap ≤ 1.5 s"),
    Fault("Redis killed", kill("redis"), 6, "0 failed"),
    Fault("sweep killed", kill("sweep1"), 3),
    Fault("HAProxy killed", kill("haproxy1"), 2),
    Fault("rolling restart", restart_each_site, 0, "0 failed"),
    Fault("machine 1 cut off", cut_off(1), 8),
    Fault("writer frozen", freeze_writer, 6),
    Fault("machine 3 cut off", cut_off(3), 6),
    Fault("gunicorn killed", kill("site2"), 4, "gap ≤ 1.5 s"),
)


def wait_for_calm(cluster: Cluster) -> None:
    """Until all nodes are in step, and the first of them takes the writes again."""
    for machine in places.MACHINES:
        cluster.wait_for_node(machine)
    time.sleep(6)  # HAProxy wants ten good checks
