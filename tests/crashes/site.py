"""The site for gunicorn as in ihome_site/wsgi.py, with workers that die at the armed point."""

from collections.abc import Iterable, Iterator
from typing import Any

from ihome_site.wsgi import application as site
from tests.crashes import killing, loaded

loaded.load()


def answer_leaves() -> None:
    """Point to die at: the work is done, and no byte of the answer is sent."""


def answer_has_left() -> None:
    """Point to die at: the client has the whole answer."""


class Answer:
    """A response body: gunicorn iterates over it, sends the parts, and then closes it."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[bytes]:
        answer_leaves()
        yield from self.parts

    def close(self) -> None:
        answer_has_left()
        self.parts.close()


def application(environ: dict[str, Any], start_response: Any) -> Answer:
    killing.install()
    return Answer(site(environ, start_response))
