"""Which plans need the approval of several people, and who they are."""

from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from selextract_infra.errors import UnitError
from selextract_infra.policy.section import Section, Table

__all__ = ["ApprovalRule", "Approvals"]


class ApprovalRule(Section):
    """How many different people have to approve a plan of an operation.

    ``severity``: only where the plan has a finding this severe; without it, always.
    """

    approvals: Annotated[int, Field(ge=1, le=9)]
    severity: Literal["minor", "major", "breaking"] | None = None


def _absolute(path: str) -> str:
    if not PurePath(path).is_absolute():
        raise UnitError(f'"{path[:80]}" is no absolute path; accepted: /etc/selextract-infra/approvers')
    return path


class Approvals(Section):
    """``signers``: the file of who may approve, with the public key of each, as OpenSSH writes it (allowed signers).

    ``operations``: by the name of an operation, what its plans need.
    """

    signers: Annotated[str, AfterValidator(_absolute)] | None = None
    operations: Table[ApprovalRule]

    def complaint(self) -> str | None:
        """A rule without anybody who could fulfil it, or for what cannot wait."""
        if self.operations and self.signers is None:
            return "operations need approvals, so signers must name the file of who may give them"
        if any(name.split()[0] == "emergency" for name in self.operations):
            return "an emergency cannot wait for a second person, so it needs no approvals"
        return None
