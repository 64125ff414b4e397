"""What holds for all tests: a busy machine is no failure of a property, and CI tries the same examples each time."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("patient", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("patient")
