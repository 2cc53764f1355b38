"""The site for gunicorn, as ihome_site/wsgi.py makes it; a worker dies where a test has said so."""

from collections.abc import Iterable, Iterator
from typing import Any

from ihome_site.wsgi import application as site
from tests.crashes import killing


def answer_leaves() -> None:
    """All is done; no byte of the answer is sent yet. A point to die at."""


def answer_has_left() -> None:
    """Whoever asked has the whole answer. A point to die at."""


class Answer:
    """A response on its way out: gunicorn iterates, sends what it gets, and then closes."""

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
