"""``python -m selextract_infra.cli``."""

from __future__ import annotations

from selextract_infra.cli import main

main()
