"""Makes the sampler's program importable, as its unit does by its working directory."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[4] / "roles" / "sampler" / "files"))
