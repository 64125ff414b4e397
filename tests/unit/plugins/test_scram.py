"""A password's verifier is what Postgres itself would have made of it."""

from __future__ import annotations

import base64
import re

from plugins.module_utils.postgres.scram import new_password, scram_verifier


def test_a_verifier_is_that_of_the_standards_example() -> None:
    """RFC 7677, section 3: the password ``pencil``."""
    assert scram_verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")) == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
        ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_the_same_password_never_gives_the_same_verifier_twice() -> None:
    assert scram_verifier("pencil") != scram_verifier("pencil")


def test_a_password_is_long_random_and_needs_no_quoting() -> None:
    passwords = {new_password() for _ in range(50)}
    assert len(passwords) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{40,}", password) for password in passwords)
