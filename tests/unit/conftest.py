"""What tests of several folders need."""

from __future__ import annotations

import warnings

import pytest


@pytest.fixture(scope="session")
def notifying() -> None:
    """Some of apprise's own plugins use what Python is about to drop; they are loaded with the first address."""
    import apprise

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        apprise.Apprise.instantiate("json://localhost")
