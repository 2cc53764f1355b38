"""Our side of Alipay: signing, asking, judging what comes in. Knows the protocol and no models.

keys.py      PEM files, checked in words
signing.py   RSA2 through OpenSSL
messages.py  what comes in: returns and notifies, judged to the signature
answers.py   what comes back: the signed node of an answer, and what it means
bill.py      the daily bill: what its file says, or why it can't be read
http.py      the call itself: total deadline, size cap, no redirects
client.py    pay, query, close, refund, bill
"""

PRODUCTION_GATEWAY = "https://openapi.alipay.com/gateway.do"
