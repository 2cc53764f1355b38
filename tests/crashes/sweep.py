"""`manage.py sweep`, once per line on stdin, in a process that dies at the armed point.

Each sweep is a fork of this process, so that the site is loaded once (loaded.py). A line names the file for
the sweep's output; the answer is its process id and exit status (negative for a signal).
"""

import os
import sys

import django
from django.core.management import execute_from_command_line

from tests.crashes import killing


def main() -> None:
    django.setup()
    from tests.crashes import loaded

    loaded.load()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            sweep(line.strip())
            return
        _, status = os.waitpid(pid, 0)
        print(pid, os.waitstatus_to_exitcode(status), flush=True)


def sweep(log: str) -> None:
    with open(log, "wb") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    killing.install()
    execute_from_command_line(["manage.py", "sweep"])
    sys.stdout.flush()
    os._exit(0)  # the interpreter would take five times as long for its end as for the sweep


if __name__ == "__main__":
    main()
