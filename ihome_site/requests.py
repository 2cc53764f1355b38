from collections.abc import Mapping
from typing import Any

from django.core.exceptions import BadRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import UnreadablePostError
from django.utils.http import parse_header_parameters

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class Utf8Request(WSGIRequest):
    """A request that is decoded as UTF-8, whatever charset its Content-Type names.

    Django uses that charset for addresses, too, even `hex` or `idna`. Forms in another charset are refused
    with 400 as soon as a field is read; every form's token is. Alipay's notice is read as bytes.
    """

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = "", {}

    def read(self, *args: Any, **kwargs: Any) -> bytes:
        """Read the body. Raises BadRequest if the client hangs up meanwhile: no fault of ours."""
        try:
            return super().read(*args, **kwargs)
        except UnreadablePostError as error:
            self._mark_post_parse_error()  # type: ignore[attr-defined]
            raise BadRequest("The request was cut off.") from error

    def _load_post_and_files(self) -> None:
        charset = (self.content_params or {}).get("charset", "utf-8").lower()
        if self.content_type in FORMS and charset != "utf-8":
            self._mark_post_parse_error()  # type: ignore[attr-defined]  # error pages may read it again
            raise BadRequest("Send forms in UTF-8.")
        super()._load_post_and_files()
