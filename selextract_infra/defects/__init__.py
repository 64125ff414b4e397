"""The guide's defects as computed findings: each check looks at a policy and a host, and speaks only if it has to."""

from __future__ import annotations

from selextract_infra.defects.run import check_policy, rule_named, rules

__all__ = ["check_policy", "rule_named", "rules"]
