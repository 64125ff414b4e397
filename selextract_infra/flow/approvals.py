"""The approval of several people, where the policy wants that of a plan before it is carried out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from selextract_infra.errors import PolicyError, RefusedError
from selextract_infra.flow.registry import operation_names
from selextract_infra.hosts.signatures import Signer, read_signers, signer_of, signing_command
from selextract_infra.model.figures import count
from selextract_infra.model.finding import Severity
from selextract_infra.model.text import displayable

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context
    from selextract_infra.model.plan import Plan

__all__ = ["approvals_needed", "refuse_unapproved_plan", "way_to_approve"]

_RULE = "approvals"


def approvals_needed(context: Context, plan: Plan) -> int:
    """How many people have to approve a Plan before it is carried out; 0 where the policy wants nobody's.

    What a Plan finds is believed where the own journal has that very Plan. A file from elsewhere could leave out the
    finding on which its approval depends, so it needs the approvals whatever it finds. Raises ``PolicyError`` for a
    rule about an operation that there is not.
    """
    rules = context.policy.approvals.operations
    unknown = sorted(set(rules) - set(operation_names()))
    if unknown:
        raise PolicyError(
            f"The policy wants approvals for {displayable(unknown[0], limit=60)}, and there is no such operation;"
            f" there are {', '.join(sorted(operation_names()))}."
        )
    rule = rules.get(plan.operation)
    if rule is None:
        return 0
    known = rule.severity is None or context.journal.plan(plan.digest) is not None
    worst = max((finding.severity.rank for finding in plan.findings), default=-1)
    if known and rule.severity is not None and worst < Severity(rule.severity).rank:
        return 0
    return rule.approvals


def refuse_unapproved_plan(context: Context, plan: Plan, signatures: Sequence[str]) -> tuple[str, ...]:
    """The names of who approved a Plan, by ``signatures`` of its digest; empty where nobody has to.

    Raises ``RefusedError`` for a signature that is none of this Plan, or of nobody who may approve, and where fewer
    different people have signed than the policy wants. One person with two keys, or two names for one key, are one.
    """
    wanted = approvals_needed(context, plan)
    named = context.policy.approvals.signers
    if not wanted or named is None:
        return ()
    signers = read_signers(Path(named))
    people: dict[str, str] = {}
    for number, signature in enumerate(signatures, start=1):
        signer = signer_of(plan.digest, signature, signers)
        if signer is None:
            raise RefusedError(
                f"Approval {number} is not a signature of this plan by somebody who may approve it.",
                rule=_RULE,
                remedy=way_to_approve(plan),
            )
        _add(people, signer)
    if len(people) < wanted:
        given = f", and has that of {', '.join(sorted(people))}" if people else ", and has none"
        raise RefusedError(
            f"{plan.operation} needs the approval of {count(wanted, 'person', 'people')}{given}.",
            rule=_RULE,
            remedy=way_to_approve(plan),
        )
    return tuple(sorted(people))


def way_to_approve(plan: Plan) -> str:
    """How a person approves a Plan, and how it is carried out then; the digest says which Plan it is."""
    return (
        f"save the plan with --out PLAN, let each person look at it and run: {signing_command(plan.digest)} > NAME.sig;"
        " then: selextract-infra apply PLAN --approval NAME.sig, once for each"
    )


def _add(people: dict[str, str], signer: Signer) -> None:
    if signer.name not in people and signer.key not in people.values():
        people[signer.name] = signer.key
