"""gunicorn's own log lines, as the rest of ours; deploy/gunicorn.conf.py names the class."""

from typing import Any

from django.conf import settings
from gunicorn import glogging
from gunicorn.config import Config

from core import log_context
from core.client_address import address_in
from ihome_site.logs import SiteFormatter, StripQueryString


class Logger(glogging.Logger):
    error_fmt = "%(asctime)s %(levelname)s %(name)s: [%(process)d] %(message)s"

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        for log, form in ((self.error_log, self.error_fmt), (self.access_log, self.access_fmt)):
            for handler in log.handlers:
                handler.setFormatter(SiteFormatter(form))
        self.error_log.addFilter(_strip_query_string)  # it quotes malformed requests

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> dict[str, Any]:
        """Log the client's address, not that of the proxy in front."""
        return {**super().atoms(resp, req, environ, request_time), "h": address_in(environ)}

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
        """Log a request, in JSON with its fields instead of the line of access_log_format."""
        if not (settings.configured and settings.LOG_FORMAT == "json"):
            super().access(resp, req, environ, request_time)
            return
        atoms = self.atoms(resp, req, environ, request_time)
        context = environ.get(log_context.KEY)
        fields = {"client": atoms["h"], **(context.fields() if context is not None else {})}
        fields |= {"method": atoms["m"], "path": atoms["U"], "status": int(atoms["s"])}
        fields |= {"bytes": atoms["B"], "ms": atoms["M"]}
        line = "%s %s %s"
        self.access_log.info(line, atoms["m"], atoms["U"], atoms["s"], extra={"fields": fields})


_strip_query_string = StripQueryString()
"""One instance: setup() runs again at each reload, and adding it twice does nothing."""
