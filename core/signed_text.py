"""Serializer of drafts in signed cookies."""

import json
from typing import Any


class Utf16:
    """Two bytes for a Chinese character, where JSON's escapes take six."""

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass")

    def loads(self, data: bytes) -> Any:
        return json.loads(data.decode("utf-16-le", "surrogatepass"))
