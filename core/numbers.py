"""Numbers that we or Alipay print, as people type and paste them into a search."""

import re
import unicodedata
from dataclasses import dataclass

_OURS = r"([0-9]{14})(?:[_-]([1-9][0-9]{0,5})(?:[_-]?R([1-9][0-9]{0,5}))?)?"
_OURS_IN_TEXT = re.compile(rf"(?<![0-9]){_OURS}(?![0-9])", re.IGNORECASE)
_OURS_ALONE = re.compile(_OURS, re.IGNORECASE)
_TRADE_IN_TEXT = re.compile(r"(?<![0-9])[0-9]{16,64}(?![0-9])")
_USUAL_TRADE = re.compile(r"20[0-9]{26}")  # a day, and twenty digits
_TRADE_ALONE = re.compile(r"[0-9]{20,64}")  # with blanks inside; shorter, it could be two dates
_SEPARATORS = re.compile(r"[\s().·\-‐‑‒–—―−]")
_LABEL = re.compile(r"^[^0-9]+|[^0-9]+$")
_FOREIGN = re.compile(r"(?:.*[:\s#])?(?=[!-~]*[0-9])([A-Za-z0-9][A-Za-z0-9_.-]{5,63})")


@dataclass(frozen=True, slots=True)
class PrintedNumber:
    """A number as it is stored. `order` and `attempt` are also set for what belongs to them.

    `printed` is the whole number, of whatever kind: Alipay's trade, another shop's order, a refund in
    Alipay's console.
    """

    printed: str
    order: str = ""
    attempt: str = ""
    refund: str = ""

    @property
    def is_certain(self) -> bool:
        """True for ours and for Alipay's trades. A shorter text may also be a word to search for."""
        return bool(self.order) or bool(_TRADE_IN_TEXT.fullmatch(self.printed))


def visible(typed: str) -> str:
    """Turn full-width characters into ordinary ones, and drop invisible marks of copied text."""
    return "".join(
        char for char in unicodedata.normalize("NFKC", typed) if unicodedata.category(char) != "Cf"
    )


def read_number(typed: str) -> PrintedNumber | None:
    """Find the one number in a text, whatever label, blanks or hyphens stand around or inside it.

    None if there is none, or more than one.
    """
    text = visible(typed)
    whole = {
        match[0]: match for pattern in (_OURS_IN_TEXT, _TRADE_IN_TEXT) for match in pattern.finditer(text)
    }
    if len(whole) > 1:
        return None
    joined = _SEPARATORS.sub("", _LABEL.sub("", text))
    if ours := _OURS_ALONE.fullmatch(joined):
        return _ours(ours)
    if _USUAL_TRADE.fullmatch(joined):  # before a part of it, which a line break may have cut off
        return PrintedNumber(joined)
    for found in whole.values():
        return _ours(found) if found.re is _OURS_IN_TEXT else PrintedNumber(found[0])
    if _TRADE_ALONE.fullmatch(joined):
        return PrintedNumber(joined)
    foreign = _FOREIGN.fullmatch(text.strip())
    return PrintedNumber(foreign[1]) if foreign else None


def _ours(match: re.Match[str]) -> PrintedNumber:
    order, attempt, refund = match.groups()
    attempt = attempt and f"{order}_{attempt}"
    refund = refund and f"{attempt}_R{refund}"
    return PrintedNumber(refund or attempt or order, order, attempt or "", refund or "")
