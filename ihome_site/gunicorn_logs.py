"""gunicorn's own log lines, as the rest of ours; deploy/gunicorn.conf.py names the class."""

from typing import Any

from gunicorn import glogging
from gunicorn.config import Config

from core.client_address import address_in
from ihome_site.logs import OneLine, StripQueryString


class Logger(glogging.Logger):
    error_fmt = "%(asctime)s %(levelname)s %(name)s: [%(process)d] %(message)s"

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        for log, form in ((self.error_log, self.error_fmt), (self.access_log, self.access_fmt)):
            for handler in log.handlers:
                handler.setFormatter(OneLine(form))
        self.error_log.addFilter(_strip_query_string)  # it quotes malformed requests

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> dict[str, Any]:
        """Log the client's address, not that of the proxy in front."""
        return {**super().atoms(resp, req, environ, request_time), "h": address_in(environ)}


_strip_query_string = StripQueryString()
"""One instance: setup() runs again at each reload, and adding it twice does nothing."""
