"""Where the policy wants the approval of several people, a plan is carried out only with their signatures."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from selextract_infra.cli import build
from selextract_infra.errors import PolicyError, RefusedError, UsageError
from selextract_infra.flow import schedule
from selextract_infra.flow.approvals import approvals_needed, refuse_unapproved_plan, way_to_approve
from selextract_infra.flow.context import Context
from selextract_infra.flow.queue import Queue, QueuedPlan, QueueStatus
from selextract_infra.flow.schedule import queue_plan, run_due
from selextract_infra.flow.windows import Opening
from selextract_infra.hosts.signatures import read_signature
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.plan import Plan
from selextract_infra.plan import rightsize
from tests.unit.seen import AT, MB, one, policy

POLICY = policy()
PLAN = rightsize(one("api", peak=600 * MB), POLICY).model_copy(update={"findings": ()})
OTHER = rightsize(one("api", peak=300 * MB), POLICY)


@dataclass
class People:
    """Who may approve: a key for each, and the file with their names."""

    folder: Path
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.chmod(0o755)

    @property
    def file(self) -> Path:
        return self.folder / "approvers"

    def come(self, name: str, *, key: str = "", options: str = "") -> None:
        path = self.folder / (key or name)
        if not path.exists():
            ask(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)])
        self.lines.append(f"{name} {options} {Path(f'{path}.pub').read_text().strip()}")
        self.file.write_text("\n".join(self.lines) + "\n")

    def sign(self, name: str, plan: Plan = PLAN) -> str:
        """As the sentence of the refusal says, with a key of one's own."""
        command = way_to_approve(plan).partition("run: ")[2].partition(" > NAME.sig")[0]
        return ask(["sh", "-c", command.replace("~/.ssh/id_ed25519", str(self.folder / name))])


def ask(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    people = People(tmp_path_factory.mktemp("people"))
    for name in ("ann", "ben", "mallory"):
        people.come(name)
    del people.lines[2]  # has a key, and may approve nothing
    people.file.write_text("\n".join(people.lines) + "\n")
    return people


def wanting(context: Context, people: People, **rule: Any) -> Context:
    rules = {"signers": str(people.file), "operations": {"rightsize": {"approvals": 2, **rule}}}
    context.policy = policy(approvals=rules)
    return context


def test_nobody_is_asked_where_the_policy_does_not_want_it(context: Context) -> None:
    assert refuse_unapproved_plan(context, PLAN, ()) == ()


def test_two_different_people_are_enough(context: Context, people: People) -> None:
    signatures = (people.sign("ann"), people.sign("ben"))
    assert refuse_unapproved_plan(wanting(context, people), PLAN, signatures) == ("ann", "ben")


def test_a_missing_approval_is_a_refusal_that_names_the_command(context: Context, people: People) -> None:
    wanting(context, people)
    with pytest.raises(RefusedError, match="needs the approval of 2 people, and has none") as none:
        refuse_unapproved_plan(context, PLAN, ())
    assert f"echo {PLAN.digest} | ssh-keygen -Y sign" in str(none.value.remedy)
    with pytest.raises(RefusedError, match="2 people, and has that of ann"):
        refuse_unapproved_plan(context, PLAN, (people.sign("ann"),))


def test_one_person_is_one_however_often_and_by_whatever_name(context: Context, people: People) -> None:
    wanting(context, people)
    people.come("ann", key="another-of-ann")
    people.come("ann-too", key="ann")
    again = (people.sign("ann"), people.sign("ann"), people.sign("another-of-ann"))
    with pytest.raises(RefusedError, match="has that of ann"):
        refuse_unapproved_plan(context, PLAN, again)


def test_a_signature_of_another_plan_or_of_nobody_who_may_is_refused(context: Context, people: People) -> None:
    wanting(context, people)
    for wrong in (people.sign("ben", OTHER), people.sign("mallory"), "no signature", ""):
        with pytest.raises(RefusedError, match="Approval 2 is not a signature of this plan by somebody who may"):
            refuse_unapproved_plan(context, PLAN, (people.sign("ann"), wrong))


def test_a_signature_that_was_made_for_something_else_is_none(context: Context, people: People) -> None:
    command = f"echo {PLAN.digest} | ssh-keygen -Y sign -n git -f {people.folder / 'ben'}"
    with pytest.raises(RefusedError, match="Approval 1 is not"):
        refuse_unapproved_plan(wanting(context, people), PLAN, (ask(["sh", "-c", command]),))


def test_a_key_that_is_no_longer_valid_and_a_line_for_many_approve_nothing(context: Context, people: People) -> None:
    wanting(context, people)
    people.come("carl", options='valid-before="20200101"')
    people.come("*@example.com", key="dora")
    for name in ("carl", "dora"):
        with pytest.raises(RefusedError, match="Approval 1 is not"):
            refuse_unapproved_plan(context, PLAN, (people.sign(name),))


def test_only_severe_plans_need_it_where_the_rule_says_so(context: Context, people: People) -> None:
    wanting(context, people, severity="major")
    context.journal.record_plan(PLAN)
    assert approvals_needed(context, PLAN) == 0
    finding = Finding(
        rule="X", severity=Severity.MAJOR, rule_class=RuleClass.WARN, subject="api", sentence="It is severe."
    )
    severe = PLAN.model_copy(update={"findings": (finding,)})
    context.journal.record_plan(severe)
    assert approvals_needed(context, severe) == 2


def test_a_file_from_elsewhere_cannot_leave_out_what_makes_it_severe(context: Context, people: People) -> None:
    assert approvals_needed(wanting(context, people, severity="breaking"), PLAN) == 2


def test_a_file_of_approvers_that_others_could_have_written_is_refused(context: Context, people: People) -> None:
    wanting(context, people)
    signatures = (people.sign("ann"), people.sign("ben"))
    people.file.chmod(0o666)
    with pytest.raises(RefusedError, match="Others could have written who may approve"):
        refuse_unapproved_plan(context, PLAN, signatures)
    people.file.unlink()
    with pytest.raises(RefusedError, match="cannot be read"):
        refuse_unapproved_plan(context, PLAN, signatures)


def test_a_rule_for_no_operation_is_an_error_and_not_taken_for_none(context: Context, people: People) -> None:
    context.policy = policy(approvals={"signers": str(people.file), "operations": {"rightsise": {"approvals": 2}}})
    with pytest.raises(PolicyError, match="no such operation"):
        approvals_needed(context, PLAN)


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({"operations": {"rightsize": {"approvals": 2}}}, "signers must name"),
        ({"signers": "approvers", "operations": {}}, "no absolute path"),
        ({"signers": "/etc/approvers", "operations": {"emergency": {"approvals": 2}}}, "cannot wait"),
        ({"signers": "/etc/approvers", "operations": {"rightsize": {"approvals": 0}}}, "approvals"),
    ],
)
def test_rules_that_cannot_be_fulfilled_are_refused_by_the_policy(rules: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PolicyError, match=complaint):
        policy(approvals=rules)


def test_a_signature_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", Path("/dev/zero")):
        with pytest.raises(UsageError, match="cannot be read, or is too large"):
            read_signature(path)


def test_apply_asks_for_nothing_before_the_approvals_are_there(
    context: Context, people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("selextract_infra.flow.saved.load_plan", lambda *_: PLAN)
    applied: list[Any] = []
    monkeypatch.setattr("selextract_infra.flow.apply.apply", lambda *_, **more: applied.append(more["signatures"]))
    monkeypatch.setattr("selextract_infra.cli.frame.apply_plan.conclude", lambda *_: None)
    rules = tmp_path / "rules.yml"
    rules.write_text(f"approvals: {{signers: {people.file}, operations: {{rightsize: {{approvals: 2}}}}}}\n")
    where = ["-i", str(context.inventory.path), "--state", str(tmp_path / "state"), "--policy", str(rules), "--yes"]
    answer = CliRunner().invoke(build("apply"), ["apply", "plan.json", *where])
    assert isinstance(answer.exception, RefusedError)
    assert (answer.exception.exit_code, applied) == (3, [])
    files = []
    for name in ("ann", "ben"):
        files += ["--approval", str(tmp_path / f"{name}.sig")]
        Path(files[-1]).write_text(people.sign(name))
    answer = CliRunner().invoke(build("apply"), ["apply", "plan.json", *where, *files])
    assert answer.exception is None, answer
    assert len(applied[0]) == 2


def test_a_plan_is_not_queued_without_its_approvals(context: Context, people: People) -> None:
    with pytest.raises(RefusedError, match="needs the approval"):
        queue_plan(wanting(context, people), PLAN, "night")
    assert Queue(context.journal.folder).entries() == ()


@pytest.mark.parametrize(("signers", "status"), [(("ann",), "refused"), (("ann", "ben"), "done")])
def test_run_due_holds_it_too(
    context: Context, people: People, monkeypatch: pytest.MonkeyPatch, signers: tuple[str, ...], status: str
) -> None:
    """Whoever can write into the queue puts in a plan that nobody, or one person alone, has approved."""
    wanting(context, people)
    entry = QueuedPlan(
        id="20260301T020000-9f3ac1",
        window="night",
        opening=Opening(windows=("night",), time_zone="UTC", starts_at=AT, ends_at=AT.replace(hour=5)),
        operation="rightsize",
        hosts=PLAN.hosts,
        plan_digest=PLAN.digest,
        needed_seconds=60.0,
        inventory=str(context.inventory.path),
        approvals=tuple(people.sign(name) for name in signers),
        queued_at=AT,
        queued_by="ann",
    )
    Queue(context.journal.folder).add(entry, PLAN)
    monkeypatch.setattr(schedule, "load_plan", lambda *_: PLAN)

    class Carried:
        def __init__(self, *_: object) -> None: ...

        def run(self, _state: object) -> Any:
            return type("Run", (), {"exit_code": 0, "message": "Done.", "id": "r1"})()

    monkeypatch.setattr("selextract_infra.flow.apply.RunExecutor", Carried)

    def reopened(_entry: QueuedPlan) -> Context:
        opened = Context(context.inventory, state=context.journal.folder)
        opened.policy = context.policy
        return opened

    (ended,) = (
        run_due(context.journal, lambda: AT.replace(minute=5), reopened, retry_after=1.0, begins=print, ended=print)
        or ()
    )
    assert (ended.status, ended.exit_code) == (QueueStatus(status), 3 if status == "refused" else 0)
