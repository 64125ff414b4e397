"""What holds for all tests: a busy machine is no failure of a property, and CI tries the same examples each time."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("patient")

# Modules beside the tests check too; what they compare is said like in a test itself.
pytest.register_assert_rewrite("tests.lab", "tests.unit")
