"""gunicorn's settings, in demo and production: `gunicorn -c deploy/gunicorn.conf.py ihome_site.wsgi`."""

import os

# Processes do the work of the CPU, threads wait for the database and for Alipay (8 s at most).
workers = int(os.environ.get("WEB_CONCURRENCY", os.cpu_count() or 1))
worker_class = "gthread"
threads = 8

# The site is loaded and checked once, before any worker: a wrong setting ends in one message and exit, not in
# workers that die over and over.
preload_app = True

timeout = 30
graceful_timeout = 30
keepalive = 5

# A return from Alipay is the longest request line that we expect: some 1,000 characters.
limit_request_line = 8190
limit_request_fields = 60

# TRUST_PROXY alone decides whether a proxy's word on https is taken; gunicorn takes none.
forwarded_allow_ips = ""

# Its default place is one socket in the home folder, which two sites of one user would fight over.
control_socket_disable = True

# %(U)s is the path without the query, where a return carries its signature; no Referer, for the same reason.
accesslog = "-"
access_log_format = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(B)s bytes %(M)s ms'
