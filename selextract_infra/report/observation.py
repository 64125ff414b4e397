"""Observations: what runs where with which limits and use, and what changed between two of them."""

from __future__ import annotations

from collections.abc import Iterator

from selextract_infra.model.figures import cores, count, disk, duration, memory, percent
from selextract_infra.model.observation import ContainerObservation, HostObservation, Observation
from selextract_infra.report.table import Block, Cell, Line, Table, Tone, number, table

__all__ = ["change_blocks", "observation_blocks"]

_UNKNOWN = "-"
_HEALTHY = ("healthy", None)


def observation_blocks(observation: Observation) -> Iterator[Block]:
    """Every host with its containers; hosts that were not reached, with the reason."""
    for host in observation.hosts:
        yield Line()
        yield Line(host.name, Tone.STRONG, note=_facts(host))
        if host.problem is not None:
            yield Line(host.problem, Tone.BAD)
            continue
        if not host.sampler.running:
            yield Line("The sampler does not run here, so there is no history.", Tone.WARNING)
        yield _containers(host) if host.containers else Line("No containers.", Tone.QUIET)
    for name, reason in sorted(observation.unreachable.items()):
        yield Line()
        yield Line(f"{name} was not reached: {reason}", Tone.BAD)


def change_blocks(before: Observation, after: Observation) -> Iterator[Block]:
    """The limits of every container that differ between two Observations, before and after."""
    rows = [
        (host.name, container.name, *change)
        for host in after.hosts
        if (earlier := before.host(host.name)) is not None
        for old in earlier.containers
        for container in host.containers
        if container.name == old.name
        for change in _changes(old, container)
    ]
    if rows:
        yield table(("host", "container", "resource", number("before"), number("after"), number("in use")), rows)
    else:
        yield Line("No limit changed.")


def _changes(old: ContainerObservation, new: ContainerObservation) -> Iterator[tuple[str | Cell, ...]]:
    if old.limits.memory != new.limits.memory:
        use = _UNKNOWN if new.usage.memory is None else memory(new.usage.memory)
        yield "memory", memory(old.limits.memory), Cell(memory(new.limits.memory), Tone.GOOD), use
    if old.limits.cpus != new.limits.cpus:
        use = _UNKNOWN if new.usage.cpus is None else cores(new.usage.cpus)
        yield "CPU", cores(old.limits.cpus), Cell(cores(new.limits.cpus), Tone.GOOD), use


def _facts(host: HostObservation) -> str:
    facts = host.facts
    known = [cores(facts.cpus) if facts.cpus else "", memory(facts.memory) if facts.memory else ""]
    if facts.disk_free is not None and facts.disk_total:
        known.append(f"{disk(facts.disk_free)} of {disk(facts.disk_total)} free")
    known += [facts.distribution, f"Docker {facts.docker}" if facts.docker else ""]
    return ", ".join(word for word in known if word)


def _containers(host: HostObservation) -> Table:
    numbers = map(number, ("CPU", "of", "memory", "of", "used", "history"))
    ordered = sorted(host.containers, key=lambda container: (container.project or "", container.name))
    return table(("container", "state", *numbers), (_container(container, host) for container in ordered))


def _container(container: ContainerObservation, host: HostObservation) -> tuple[str | Cell, ...]:
    limits, usage = container.limits, container.usage
    series = next((series for series in host.history if series.name == container.name), None)
    well = container.state == "running" and container.health in _HEALTHY
    return (
        container.name,
        Cell(_state(container), Tone.PLAIN if well else Tone.BAD),
        _UNKNOWN if usage.cpus is None else Cell(f"{usage.cpus:.2f}", _of_limit(usage.cpus, limits.cpus)),
        _UNKNOWN if limits.cpus is None else f"{limits.cpus:g}",
        _UNKNOWN if usage.memory is None else memory(usage.memory),
        _UNKNOWN if limits.memory is None else memory(limits.memory),
        _share(usage.memory, limits.memory),
        duration(len(series.at) * series.bucket_seconds) if series is not None and len(series.at) else "none",
    )


def _share(used: float | None, limit: float | None) -> str | Cell:
    """How much of its limit is used; what is over it says so in a word too, where there is no colour."""
    if not limit or used is None:
        return ""
    return Cell(percent(used / limit), _of_limit(used, limit), note="over" if used > limit else "")


def _of_limit(used: float, limit: float | None) -> Tone:
    return Tone.BAD if limit and used > limit else Tone.PLAIN


def _state(container: ContainerObservation) -> str:
    words = container.state if container.health is None else container.health
    if container.oom_killed:
        words += ", killed for memory"
    return f"{words}, {count(container.restarts, 'restart')}" if container.restarts else words
