"""docs/policy.md is what scripts/document_policy.py writes."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_reference_is_up_to_date() -> None:
    page = runpy.run_path(str(ROOT / "scripts" / "document_policy.py"))["page"]()
    written = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    assert written == page, "docs/policy.md is older than the policy; run: .venv/bin/python scripts/document_policy.py"


def test_the_reference_holds_every_item_and_every_rule() -> None:
    written = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    items = (Path(__file__).parent / "items.txt").read_text().split()
    assert [item for item in items if f"{item}. " not in written] == []
    assert [n for n in range(1, 76) if f"| X-{n:02d} |" not in written] == []
