"""Texts of staff as HTML: Markdown without HTML, pictures and odd addresses."""

import functools
import re

from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.token import Token

_ADDRESS = re.compile(r"(https?://|mailto:|tel:|/(?!/)|#)[^\s\\]*", re.IGNORECASE)
_FIRST_LEVEL = 2
"""Level of the first heading: the page's own is above it."""


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        return _ADDRESS.fullmatch(url) is not None


_markdown = _Markdown("commonmark", {"html": False})
_markdown.enable("table").disable(["image", "html_block", "html_inline"])


@functools.lru_cache(maxsize=64)
def rendered(text: str) -> SafeString:
    tokens = _markdown.parse(text)
    _set_levels(tokens)
    return SafeString(_markdown.renderer.render(tokens, _markdown.options, {}))


def _set_levels(tokens: list[Token]) -> None:
    """Have headings begin at h2 and go down by one at most, whatever was typed."""
    typed: list[int] = []
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
            while typed and typed[-1] >= level:
                typed.pop()
            typed.append(level)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(len(typed) + _FIRST_LEVEL - 1, 6)}"
