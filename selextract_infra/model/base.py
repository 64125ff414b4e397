"""What all travelling types share: frozen, strict about unknown keys, a stable digest."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["Frozen", "digest_of"]


class Frozen(BaseModel):
    """A value: immutable, no unknown keys, compared by content."""

    # A class is compiled when it is first used: `policy check` imports forty of them and makes one (2 % of its time).
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, defer_build=True, allow_inf_nan=False)


def digest_of(data: Any) -> str:
    """SHA-256 over canonical JSON of plain data; equal content gives an equal digest on every machine."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
