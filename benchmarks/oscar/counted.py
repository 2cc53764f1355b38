"""The process that callgrind watches for django-oscar, as benchmarks/counted.py is for the site.

Runs in the environment of benchmarks/oscar/requirements.txt, after seed.py. Prints the same lines of JSON.
"""

import json
import os
import sys
from pathlib import Path

SIDE = "django-oscar"


def main(folder: Path) -> None:
    seed = json.loads((folder / "seed.json").read_text())
    numbers = seed["numbers"]
    _count(folder, "my orders", "/accounts/orders/", seed["cookie"], numbers)
    _count(folder, "an order", f"/accounts/orders/{numbers[0]}/", seed["cookie"], numbers[:1])


def _count(folder: Path, work: str, path: str, cookie: str, numbers: list[str]) -> None:
    from django.core.wsgi import get_wsgi_application

    from benchmarks import callgrind, server_log
    from benchmarks.calls import Answer, call

    site, answers = get_wsgi_application(), list[Answer]()

    def act() -> None:
        answers.append(call(site, "GET", path, HTTP_COOKIE=cookie))

    act()
    messages = server_log.messages(act)
    instructions = callgrind.each(folder, [act] * callgrind.REQUESTS)
    for answer in answers:
        assert answer.status == 200 and all(number.encode() in answer.body for number in numbers), answer
    figures = {"work": work, "side": SIDE, "instructions": instructions, "messages": messages}
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.oscar.settings"
    main(Path(sys.argv[1]))
