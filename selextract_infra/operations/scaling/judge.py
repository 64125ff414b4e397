"""What the samples of one service ask for, before the host and the database are looked at."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

from selextract_infra.assess.rules import COMPARISONS
from selextract_infra.assess.samples import Holds, sustained
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.model.figures import count as counted
from selextract_infra.model.figures import duration, percent
from selextract_infra.model.scaling import Direction
from selextract_infra.operations.scaling.floor import CountFloor
from selextract_infra.operations.scaling.rules import RoleRules, ScalingRule

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["CountProposal", "Judge"]

_STALE_AFTER = 2
_ROUNDED = 9


@dataclass(slots=True)
class CountProposal:
    """What is wanted of a service and why. ``requested`` is its present count where nothing is.

    ``fired``, ``held`` and ``next_at`` (Unix seconds) are as in ScalingDecision; ``blind``: no metric is there.
    """

    requested: int
    rule: str = ""
    why: str = ""
    direction: Direction | None = None
    fired: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    next_at: float | None = None
    blind: bool = False
    numbers: dict[str, float | int | str] = field(default_factory=dict)

    def wait(self, until: float, why: str) -> None:
        """Something is held until then."""
        self.held.append(why)
        self.next_at = until if self.next_at is None else min(self.next_at, until)


class Judge:
    """Evaluates the rules of the policy on the samples of a service."""

    def __init__(self, policy: Policy) -> None:
        self._coverage = policy.trigger_rules.sustained.minimum_coverage
        self._margin = policy.trigger_rules.hysteresis.share
        self._all_calm = policy.trigger_rules.calm_scale_in.value
        self._limits: dict[tuple[str, str, int], tuple[tuple[str, Callable[[float, float], bool], float], ...]] = {}
        self._shortest: dict[tuple[str, str], tuple[float, float]] = {}

    def may_act(self, service: ScaledService, rules: RoleRules, asked: CountFloor, at: float) -> bool:
        """False where the newest samples and the cooldowns alone say that no count will change; cheap, for replays.

        Neither the host nor the database is looked at.
        """
        count, floor = service.count, asked.count
        if count < 1 and rules.resource == "instances":
            return False
        if asked.back_to is not None and count > asked.back_to:
            return True
        out_cooldown, in_cooldown = self._cooldowns(service, rules)
        if count < floor or self.newest_breaches(service, rules):
            return count < rules.maximum and (service.last_out is None or at >= service.last_out + out_cooldown)
        if count <= floor or (service.last_in is not None and at < service.last_in + in_cooldown):
            return False
        return self._newest_calm(service, rules)

    def full(self, service: ScaledService, rules: RoleRules, at: float) -> bool:
        """Whether the newest samples ask for more than the maximum, and no cooldown holds them; as cheap."""
        if service.count < rules.maximum or not self.newest_breaches(service, rules):
            return False
        return service.last_out is None or at >= service.last_out + self._cooldowns(service, rules)[0]

    def _cooldowns(self, service: ScaledService, rules: RoleRules) -> tuple[float, float]:
        key = (service.name, service.role)
        if key not in self._shortest:
            self._shortest[key] = rules.shortest_cooldowns
        return self._shortest[key]

    def newest_breaches(self, service: ScaledService, rules: RoleRules) -> bool:
        """Whether the newest sample of any metric asks for more instances."""
        key = (service.name, service.role, service.count)
        limits = self._limits.get(key)
        if limits is None:
            limits = tuple((rule.metric, COMPARISONS[rule.operator], rule.limit(service.count)) for rule in rules.out)
            self._limits[key] = limits
        last = service.last
        for metric, compare, limit in limits:
            value = last.get(metric)
            if value is not None and compare(value, limit):
                return True
        return False

    def _newest_calm(self, service: ScaledService, rules: RoleRules) -> bool:
        """Whether the newest samples would let an instance go."""
        last, count = {**service.last, **service.last_most} if service.last_most else service.last, service.count
        if not any(rule.metric in last and rule.breaches(last[rule.metric], count) for rule in rules.back):
            return False
        if not self._all_calm:
            return True
        left = count - 1
        return all(
            metric in last and self._too_high(service, rules, metric, last[metric], left) is None
            for metric in rules.metrics
        )

    def wish(
        self, service: ScaledService, rules: RoleRules, floor: CountFloor, at: float, *, incident: bool = False
    ) -> CountProposal:
        """What the service needs at ``at`` (Unix seconds): more, fewer, or as many instances as there are.

        While an ``incident`` is open nothing is taken away.
        """
        wish = CountProposal(service.count)
        if service.count < 1 and rules.resource == "instances":
            wish.why = "no instance runs; starting a stopped service is not for the autoscaler"
            return wish
        wish.blind = not any(self._fresh(service, metric, at) for metric in rules.metrics)
        if wish.blind:
            wish.held.append("no metric of the service is there")
        wants_more = self._more(wish, service, rules, floor, at)
        wants_more = wants_more or self.newest_breaches(service, rules)
        if wish.direction is None and not wants_more and service.count > min(floor.count, floor.back_to or floor.count):
            if incident:
                wish.held.append("an incident is open, so nothing is taken away")
            elif not self._back(wish, service, rules, floor):
                self._fewer(wish, service, rules, floor, at)
        if wish.direction is None:
            wish.why = wish.why or _kept(wish, service, floor)
        else:
            wish.blind = False
        return wish

    def _fresh(self, service: ScaledService, metric: str, at: float) -> bool:
        seen = service.seen_at(metric)
        return seen is not None and at - seen <= _STALE_AFTER * (service.samples(metric).spacing or 0.0)

    def _more(
        self, wish: CountProposal, service: ScaledService, rules: RoleRules, floor: CountFloor, at: float
    ) -> bool:
        """Ask for more instances where a rule fires; whether any asks, be it held or not."""
        asks = False
        for requested, item, text, cooldown in self._asking(wish, service, rules, floor, at):
            asks = True
            wish.fired.append(text)
            until = _blocked_until(service, Direction.OUT, cooldown, at)
            if until is not None:
                wish.wait(until[0], f"{item} waits {duration(until[0] - at)} more: {until[1]}")
            elif requested > wish.requested:
                wish.requested, wish.rule, wish.why, wish.direction = requested, item, text, Direction.OUT
        return asks

    def _asking(
        self, wish: CountProposal, service: ScaledService, rules: RoleRules, floor: CountFloor, at: float
    ) -> Iterator[tuple[int, str, str, float]]:
        """Count, item, text and cooldown of each rule that fires, the floor among them."""
        if service.count < floor.count:
            cooldown = min((rule.cooldown for rule in rules.out), default=0.0)
            yield floor.count, floor.rule, floor.why, cooldown
        for rule in rules.out:
            holds = self._holds(service, rule, at)
            if holds is Holds.YES:
                yield self._wanted(wish, service, rule, at), rule.item, rule.text, rule.cooldown
            elif holds is Holds.INCONCLUSIVE and service.samples(rule.metric).at:
                wish.held.append(f"{rule.item}: too few samples of {rule.metric} in {duration(rule.duration)}")

    def _holds(self, service: ScaledService, rule: ScalingRule, at: float) -> Holds:
        newest, most = service.seen_at(rule.metric), rule.direction is Direction.IN
        if newest is None:
            return Holds.INCONCLUSIVE
        last = service.last_most.get(rule.metric, service.last[rule.metric]) if most else service.last[rule.metric]
        if at - rule.duration < newest <= at and not rule.breaches(last, service.count):
            return Holds.NO
        return sustained(
            service.samples(rule.metric, most=most),
            at,
            rule.duration,
            lambda value: rule.breaches(value, service.count),
            minimum_coverage=self._coverage,
        )

    def _wanted(self, wish: CountProposal, service: ScaledService, rule: ScalingRule, at: float) -> int:
        """The count that a rule asks for; by load it is the average of the window over the threshold (X-28)."""
        values = service.samples(rule.metric).within(at, rule.duration)[1]
        average = fmean(values)
        wish.numbers |= {rule.metric: average, f"{rule.item}_threshold": rule.threshold}
        if not rule.per_instance:
            return service.count + rule.adds
        return max(service.count + rule.adds, math.ceil(round(average / rule.threshold, _ROUNDED)))

    def _back(self, wish: CountProposal, service: ScaledService, rules: RoleRules, floor: CountFloor) -> bool:
        """Go back to what the calendar leaves by itself, where the others carry the load; whether that was decided."""
        left = floor.back_to
        if left is None or service.count <= left or wish.blind:
            return False
        for rule in rules.out:
            value = service.last.get(rule.metric)
            if value is None or rule.metric not in rules.shared:
                continue
            each = value if rule.per_instance else value * service.count
            if each / left >= rule.threshold:
                beyond = f"{rule.metric} would be beyond the threshold of {rule.item} with {counted(left, 'instance')}"
                wish.held.append(f"{floor.rule}: {beyond}")
                return False
        wish.requested, wish.rule, wish.why, wish.direction = left, floor.rule, floor.why, Direction.IN
        return True

    def _fewer(
        self, wish: CountProposal, service: ScaledService, rules: RoleRules, floor: CountFloor, at: float
    ) -> None:
        """Ask for fewer instances where a rule fires, nothing holds it, and everything is calm."""
        fired = [rule for rule in rules.back if self._holds(service, rule, at) is Holds.YES]
        wish.fired += [rule.text for rule in fired]
        free: list[ScalingRule] = []
        for rule in fired:
            until = _blocked_until(service, Direction.IN, rule.cooldown, at, since_out=rule.duration)
            if until is None:
                free.append(rule)
            else:
                wish.wait(until[0], f"{rule.item} waits {duration(until[0] - at)} more: {until[1]}")
        if not free:
            return
        rule = max(free, key=lambda one: one.adds)
        left = max(floor.count, service.count - rule.adds)
        disturbed = self._disturbed(service, rules, rule.duration, left, at) if self._all_calm else None
        if disturbed is not None:
            wish.held.append(f"{rule.item}: {disturbed}")
            return
        wish.requested, wish.rule, wish.direction = left, rule.item, Direction.IN
        wish.why = f"{rule.text}, and everything else is calm"

    def _disturbed(self, service: ScaledService, rules: RoleRules, window: float, left: int, at: float) -> str | None:
        """What speaks against ``left`` instances: a metric that is missing, not calm, or would not stay calm."""
        for metric in rules.metrics:
            samples = service.samples(metric, most=True)
            there = sustained(samples, at, window, lambda _: True, minimum_coverage=self._coverage)
            if there is not Holds.YES:
                return f"{metric} is missing or has too few samples in {duration(window)}"
            highest = max(samples.within(at, window)[1])
            disturbed = self._too_high(service, rules, metric, highest, left)
            if disturbed is not None:
                return disturbed
        return None

    def _too_high(self, service: ScaledService, rules: RoleRules, metric: str, highest: float, left: int) -> str | None:
        """Whether the highest value is not calm, or the others would not bear the share of what leaves (X-33)."""
        for rule in rules.back:
            if rule.metric == metric and not rule.per_instance and not rule.breaches(highest, service.count):
                return f"{metric} was not calm"
        for rule in rules.out:
            if rule.metric != metric:
                continue
            if rule.breaches(highest, service.count):
                return f"{metric} was beyond the threshold of {rule.item}"
            if metric not in rules.shared:
                continue
            each = highest if rule.per_instance else highest * service.count
            if left < 1 or each / left >= self._margin * rule.threshold:
                return (
                    f"{metric} would be beyond {percent(self._margin)} of the threshold of {rule.item} "
                    f"with {counted(left, 'instance')}"
                )
        return None


def _blocked_until(
    service: ScaledService, direction: Direction, cooldown: float, at: float, *, since_out: float = 0.0
) -> tuple[float, str] | None:
    """Until when an action of that direction is blocked, and by what; None where it is not.

    A count that somebody else changed is left alone for the cooldown, in both directions. A removal also waits for
    ``since_out`` seconds after more were added, so that it rests on samples of that count.
    """
    out = direction is Direction.OUT
    stamps = [
        (service.last_out if out else service.last_in, cooldown, "the cooldown is not over"),
        (service.changed_by_hand, cooldown, "somebody else changed the count"),
        (None if out else service.last_out, since_out, "more were added a moment ago"),
    ]
    blocks = [(stamp + wait, why) for stamp, wait, why in stamps if stamp is not None and at < stamp + wait]
    return max(blocks, default=None)


def _kept(wish: CountProposal, service: ScaledService, floor: CountFloor) -> str:
    if wish.held:
        return wish.held[0]
    if service.count <= floor.count:
        return f"nothing asks for more, and {floor.why}"
    return "nothing asks for a change"
