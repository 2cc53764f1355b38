"""Documents as people read them: the newest version, or the text that comes with the site."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db.models import Max
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from documents.company import company
from documents.markdown import rendered
from documents.models import Kind, Version

FIRST = 1
"""Number of the text that comes with the site. No release edits it: agreements to it keep their meaning."""
FIRST_PUBLISHED = datetime(2026, 11, 27, tzinfo=UTC)
TEXTS = Path(__file__).parent / "texts"
_CACHED_SECONDS = 60
CACHE_KEY = "documents.numbers"
_PLACEHOLDER = re.compile(r"\{(company|contact|details)\}")
"""Of texts: filled from the settings of the company."""


@dataclass(frozen=True, slots=True)
class Document:
    kind: Kind
    number: int
    text: str
    published: datetime
    changed: str = ""

    @property
    def html(self) -> SafeString:
        return rendered(_PLACEHOLDER.sub(lambda found: _filled(found[1]), self.text))


def numbers() -> dict[str, int]:
    """Return the newest version of each document. Up to a minute old in other processes."""
    found: dict[str, int] | None = cache.get(CACHE_KEY)
    if found is None:
        rows = Version.objects.order_by().values_list("kind").annotate(newest=Max("number"))
        found = {**dict.fromkeys(Kind.values, FIRST), **dict(rows)}
        cache.set(CACHE_KEY, found, _CACHED_SECONDS)
    return found


def forget_numbers() -> None:
    cache.delete(CACHE_KEY)


def newest(kind: Kind) -> Document:
    row = Version.objects.filter(kind=kind).order_by("-number").first()
    return of_row(row) if row else shipped(kind)


def version(kind: Kind, number: int) -> Document | None:
    """Return one version of a document; None if there is none."""
    if number == FIRST:
        return shipped(kind)
    row = Version.objects.filter(kind=kind, number=number).first()
    return of_row(row) if row else None


def shipped(kind: Kind) -> Document:
    return Document(kind, FIRST, shipped_text(kind, get_language() or ""), FIRST_PUBLISHED)


def shipped_text(kind: Kind, language: str) -> str:
    name = f"{kind.value}.{'en' if language == 'en' else 'zh-hans'}.md"
    return (TEXTS / name).read_text(encoding="utf-8")


def of_row(row: Version) -> Document:
    is_english = get_language() == "en"
    text, changed = (row.text_en, row.changed_en) if is_english else (row.text, row.changed)
    return Document(Kind(row.kind), row.number, text, row.created_at, changed)


def _filled(name: str) -> str:
    match name:
        case "company":
            return company().name or gettext("the operator of this site")
        case "contact":
            ways = (("tel", settings.CONTACT_PHONE), ("mailto", settings.CONTACT_EMAIL))
            links = [f"[{way}]({scheme}:{way.replace(' ', '')})" for scheme, way in ways if way]
            return " · ".join(links) or gettext("the contact at the foot of this page")
        case _:
            return _details()


def _details() -> str:
    """List the company's name and numbers, as Markdown."""
    own = company()
    facts = [
        (gettext("Company"), own.name),
        (gettext("Unified social credit code"), own.credit_code),
        (gettext("ICP record"), own.icp_number),
        (gettext("Police record"), own.police_number),
        *((gettext("Licence"), licence) for licence in own.licences),
    ]
    lines = [f"- {label}: {value}" for label, value in facts if value]
    return "\n".join(lines) or gettext("The operator hasn't entered its details yet.")
