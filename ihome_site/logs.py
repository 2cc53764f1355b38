"""Log filter for query strings."""

import logging
import re

_QUERY_STRING = re.compile(r"\?[^\s'\"]*|\bsign=[^\s'\"]*")


class StripQueryString(logging.Filter):
    """Strip query strings from addresses: a return from Alipay carries a signature there."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _QUERY_STRING.sub("?…", record.getMessage()), ()
        return True
