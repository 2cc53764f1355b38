"""Alipay adapter: knows the protocol and its field names, and no models.

keys.py        loads and checks PEM files
signing.py     RSA2 through OpenSSL
messages.py    verifies returns and notices
notices.py     parses returns and notices into types
answers.py     verifies and parses answers to our calls
bill.py        parses the file of the daily bill
http.py        the HTTP call: timeout, size cap, no redirects
client.py      pay, query, close, refund, bill
configured.py  the client, built from the settings
"""

PRODUCTION_GATEWAY = "https://openapi.alipay.com/gateway.do"
