"""makemessages that reads the renters' pages, too: xgettext knows no Jinja2."""

from pathlib import Path
from typing import Any

from django.core.management.commands import makemessages
from django.template import engines

_OF_STAFF = Path("templates/staff")


class BuildFile(makemessages.BuildFile):
    def preprocess(self) -> None:
        if not self.is_jinja:
            super().preprocess()
            return
        source = Path(self.path).read_text(encoding="utf-8")
        with open(self.work_path, "w", encoding="utf-8") as file:
            file.write(calls_of(source))

    @property
    def is_jinja(self) -> bool:
        path = Path(self.path)
        return self.is_templatized and path.is_relative_to("templates") and not path.is_relative_to(_OF_STAFF)


def calls_of(source: str) -> str:
    """Return the messages of a template as Python that xgettext reads."""
    engine: Any = engines["jinja2"]
    found = engine.env.extract_translations(source)
    return "\n".join(f"{name}({_arguments(message)})" for _line, name, message in found)


def _arguments(message: str | tuple[str | None, ...]) -> str:
    texts = (message,) if isinstance(message, str) else message
    return ", ".join("n" if text is None else repr(text) for text in texts)


class Command(makemessages.Command):
    build_file_class = BuildFile
