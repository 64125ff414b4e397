"""Write docs/policy.md from the packaged guide: every value in force without overrides, and every rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from selextract_infra.defects.explain import CLASSES
from selextract_infra.defects.run import check_policy, rules
from selextract_infra.policy import Policy, default_policy
from selextract_infra.policy.load import GUIDE
from selextract_infra.policy.schema.assumptions import ASSUMPTIONS
from selextract_infra.policy.show import Shown, shown
from selextract_infra.policy.units import quantities

TARGET = Path(__file__).parent.parent / "docs" / "policy.md"
_CHAPTER = re.compile(r"# ── (.+?) ─+")
_SECTION = re.compile(r"([a-z_]+):")

INTRODUCTION = """\
# Policy

Written by `scripts/document_policy.py` from `selextract_infra/policy/guide.yml`, the policy's schema by example.

A team overrides single values, in the group `all` of its inventory, as a mapping or in a file beside the inventory:

```yaml
selextract_policy:                    # or: selextract_policy_file: policy.yml
  sizing: {headroom: 30%}
  containers: {api: {memory: 2.5GB}}
  seasons: {summer: null}             # a row of seasons, planned_events, growth.scenarios is taken away
```

Overrides are merged into the guide value by value, and are data, never templates. An unknown key, a quantity without
its unit or an impossible value is refused with file and line. `selextract-infra policy show --origin` tells where each
value in force comes from, `policy check` what is wrong with them, `policy explain REC-03` what one means.

Where the guide says nothing or leaves something open, there is a pair of values: `stated` is empty until you fill it
in, `reading` is what this project takes the guide to mean until then.
"""


def page() -> str:
    """The whole page."""
    policy = default_policy()
    return "\n".join([INTRODUCTION, *_units(), *_chapters(policy), *_assumptions(), *_rules(policy)])


def _units() -> Iterator[str]:
    yield "## Units\n\n| quantity | accepted |\n|---|---|"
    for quantity in quantities():
        yield f"| {quantity.name} | `{quantity.accepted}` |"
    yield ""


def _chapters(policy: Policy) -> Iterator[str]:
    """The file's own headings and comments, with a table of what follows them."""
    prose: list[str] = []
    begun = False
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        chapter, section = _CHAPTER.fullmatch(line), _SECTION.match(line)
        if chapter:
            prose, begun = [], True
            yield f"## {chapter[1]}\n"
        elif line.startswith("#"):
            prose.append(line.removeprefix("#").removeprefix(" "))
        elif section:
            yield from _section(policy, section[1], prose)
            prose = []
        elif not line:
            if prose and begun:
                yield _markdown(prose)
            prose = []


def _section(policy: Policy, name: str, prose: list[str]) -> Iterator[str]:
    yield f"### `{name}`\n"
    entries = [entry for entry in policy.entries if entry.path[0] == name]
    if prose:
        yield _markdown(prose)
    whole = policy.entry((name,))
    if whole is not None:
        yield f"{_label(whole.item)}{whole.says}\n"
    values = shown(policy, name) if name in Policy.model_fields else []
    yield "| path | value | meaning |\n|---|---|---|"
    for entry in entries:
        own = [value for value in values if policy.entry(tuple(value.path.split("."))) is entry]
        yield from _rows(".".join(entry.path), _label(entry.item) + entry.says, own, whole=entry.path == (name,))
    described = {entry.path for entry in entries}
    yield from _rows("", "", [v for v in values if not _under(v.path, described)], whole=True)
    yield ""


def _markdown(prose: list[str]) -> str:
    """A comment as it stands, with its indented lines as an example in YAML."""
    lines, inside = [], False
    for line in prose:
        example = line.startswith("  ")
        if example != inside:
            lines.append("```yaml" if example else "```")
        inside = example
        lines.append(line)
    return "\n".join([*lines, "```"] if inside else lines) + "\n"


def _rows(path: str, meaning: str, values: list[Shown], *, whole: bool) -> Iterator[str]:
    """One row for each value; the meaning stands beside the first, or beside the path of an entry without values."""
    if not values and not whole:
        yield f"| `{path}` | | {_cell(meaning)} |"
    for number, value in enumerate(values):
        yield f"| `{value.path}` | {_cell(value.text)} | {_cell(meaning) if number == 0 and not whole else ''} |"


def _under(path: str, described: set[tuple[str, ...]]) -> bool:
    steps = tuple(path.split("."))
    return any(steps[: len(entry)] == entry for entry in described)


def _assumptions() -> Iterator[str]:
    yield "## Assumptions\n\nWith `profile: own` these hold only where the team's own policy states them; all other"
    yield "values are rules and hold for everybody.\n\n| value | what it is about | not stated |\n|---|---|---|"
    for path, assumption in ASSUMPTIONS.items():
        without = "unknown" if assumption.without is None else f"`{assumption.without or 'none'}`"
        yield f"| `{'.'.join(path)}` | {assumption.about} | {without} |"
    yield ""


def _rules(policy: Policy) -> Iterator[str]:
    yield "## Rules\n\nWhat `policy check` computes; the figures are those of the guide on its own host.\n"
    yield "| rule | severity | what is done | what it finds |\n|---|---|---|---|"
    found = {finding.rule: finding for finding in check_policy(policy)}
    for rule in rules():
        finding = found.get(rule.id)
        what = CLASSES[finding.rule_class if finding else rule.rule_class]
        said = f"**{rule.title}**: {finding.sentence}" if finding else rule.title
        yield f"| {rule.id} | {rule.severity.value} | {what} | {_cell(said)} |"
    yield ""


def _label(item: str | None) -> str:
    return f"{item}. " if item else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
