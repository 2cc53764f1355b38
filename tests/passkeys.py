"""A passkey in tests: a key and its answers, as a browser sends them."""

import hashlib
import json
import secrets
import struct
from html import unescape

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils.http import urlsafe_base64_encode

ORIGIN = "http://testserver"
PRESENT, VERIFIED, WITH_KEY = 1, 4, 64


class Key:
    """A key of the kind that phones have, which counts nothing unless told to."""

    def __init__(self, origin: str = ORIGIN) -> None:
        self.origin, self.count = origin, 0
        self.id = secrets.token_bytes(16)
        self._key = ec.generate_private_key(ec.SECP256R1())

    def made(self, question: str) -> str:
        """Answer the page that sets it up."""
        point = self._key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        data = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor2.dumps(cose)
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(question, WITH_KEY) + data}
        client = self._client("webauthn.create", question)
        return self._answer(clientDataJSON=client, attestationObject=cbor2.dumps(attestation))

    def proves(self, question: str) -> str:
        """Sign the challenge of a question."""
        client, data = self._client("webauthn.get", question), self._data(question, 0)
        signature = self._key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(clientDataJSON=client, authenticatorData=data, signature=signature)

    def _data(self, question: str, flags: int) -> bytes:
        options = json.loads(question)
        host = options.get("rpId") or options["rp"]["id"]
        flags |= PRESENT | VERIFIED
        return hashlib.sha256(host.encode()).digest() + struct.pack(">BI", flags, self.count)

    def _client(self, kind: str, question: str) -> bytes:
        challenge = json.loads(question)["challenge"]
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _answer(self, **parts: bytes) -> str:
        response = {name: urlsafe_base64_encode(part) for name, part in parts.items()}
        own = urlsafe_base64_encode(self.id)
        return json.dumps({"id": own, "rawId": own, "type": "public-key", "response": response})


def question_of(page: str) -> tuple[str, str]:
    """Return the question of a page's button, and the signed challenge beside it."""
    question = page.split('data-question="')[1].split('"')[0]
    challenge = page.split('challenge" value="')[1].split('"')[0]
    return unescape(question), challenge
