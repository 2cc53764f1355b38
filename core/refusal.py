from django.utils.translation import gettext as _


class Refusal(Exception):
    """A message for the user: why the action was refused. Nothing was written."""


def no_longer_possible(number: str, status: str) -> str:
    """Return the sentence for a step that the status of a row, as people read it, does not allow."""
    sentence = _("%(number)s: no longer possible, the status is now “%(status)s”.")
    return sentence % {"number": number, "status": status}
