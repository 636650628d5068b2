"""Digests that tell settings, files and runs apart, and seeds derived from them."""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """JSON with sorted keys: the same text for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def digest(*parts: bytes | str) -> str:
    """SHA-256 of the parts and their lengths, as 64 hexadecimal digits."""
    hasher = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        hasher.update(len(raw).to_bytes(8, "big"))
        hasher.update(raw)
    return hasher.hexdigest()


def derived_seed(*parts: int | str) -> int:
    """A 63-bit seed that depends on all parts, the same on every machine."""
    return int(digest(*[str(part) for part in parts])[:16], 16) >> 1
