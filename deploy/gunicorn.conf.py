"""gunicorn settings for demo and production: `gunicorn -c deploy/gunicorn.conf.py ihome_site.wsgi`."""

import gc
import os
from typing import Any

# One process per core for CPU work; threads for waiting on the database and Alipay (8 s at most). Half of
# them at most take sign-ins and sign-ups: accounts/busy.py.
workers = int(os.environ.get("WEB_CONCURRENCY", os.cpu_count() or 1))
worker_class = "gthread"
threads = 12

# Load and check the site once, before forking workers: a wrong setting then gives one message and an exit,
# not workers that crash in a loop.
preload_app = True


def pre_fork(server: Any, worker: Any) -> None:
    """Keep the workers' garbage collectors off what is loaded: they write to each object, which copies it."""
    gc.freeze()


timeout = 30
graceful_timeout = 30
keepalive = 5

# The longest request line expected is a return from Alipay: about 1,000 characters.
limit_request_line = 8190
limit_request_fields = 60

# Only the TRUST_PROXY setting decides whether X-Forwarded-Proto is trusted; gunicorn trusts no proxy.
forwarded_allow_ips = ""

# The default control socket is in the home folder, where two sites of one user would collide.
control_socket_disable = True

# Escapes line breaks of requests; %(h)s is then the client's address, as TRUST_PROXY says.
logger_class = "ihome_site.gunicorn_logs.Logger"

# %(U)s is the path without the query string, which holds the signature of a return; no Referer, either.
accesslog = "-"
access_log_format = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(B)s bytes %(M)s ms'
