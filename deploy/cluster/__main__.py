"""Bring up a cluster on loopback until Ctrl-C. `make cluster` calls it."""

import argparse
import time

from deploy.cluster.cluster import Cluster, free
from deploy.cluster.processes import Trouble
from deploy.stopping import interrupt_once


def main(port: int, standin_port: int) -> None:
    for number in (port, standin_port):
        if not free(number):
            raise Trouble(f"Port {number} is not available. Choose another: PORT=… STANDIN_PORT=…")
    began = time.monotonic()
    cluster = Cluster(port, standin_port)
    try:
        cluster.up()
        print(f"\nUp after {time.monotonic() - began:.0f} s.\n{_report(cluster)}", flush=True)
        while True:
            time.sleep(1)
    finally:
        cluster.down()


def _report(cluster: Cluster) -> str:
    running = {name: each.running.pid for name, each in cluster.processes.items() if each.running}
    lines = "\n".join(f"{name:9} process {pid}" for name, pid in running.items())
    return f"""
The site           {cluster.settings["SITE_URL"]}/
Stand-in Alipay    http://127.0.0.1:{cluster.standin_port}/  (no real money moves)

{lines}

Kill one of them: it is started again after 2 s.
Logs are in .cluster/run/. Ctrl-C stops everything."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--standin-port", type=int, default=8001)
    interrupt_once()
    try:
        main(**vars(parser.parse_args()))
    except KeyboardInterrupt:
        print("\nStopped.")
    except Trouble as trouble:
        raise SystemExit(f"ihome: {trouble}") from None
