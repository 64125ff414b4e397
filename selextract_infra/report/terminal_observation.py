"""Observations on a terminal: what runs where with which limits and use, and what changed between two of them."""

from __future__ import annotations

from rich.console import Console

from selextract_infra.model.figures import cores, count, disk, duration, memory, percent
from selextract_infra.model.observation import ContainerObservation, HostObservation, Observation
from selextract_infra.report.texts import new_table, plain

__all__ = ["print_change", "print_observation"]

_HEALTHY = ("healthy", None)


def print_observation(screen: Console, seen: Observation) -> None:
    """Every host with its containers; hosts that were not reached, with the reason."""
    for host in seen.hosts:
        screen.print()
        screen.print(plain(host.name, "bold"), plain(_facts(host), "dim"))
        if host.problem is not None:
            screen.print(plain(host.problem, "red"))
            continue
        if not host.sampler.running:
            screen.print(plain("The sampler does not run here, so there is no history.", "yellow"))
        if host.containers:
            _print_containers(screen, host)
        else:
            screen.print(plain("No containers.", "dim"))
    for name, reason in sorted(seen.unreachable.items()):
        screen.print()
        screen.print(plain(f"{name} was not reached: {reason}", "red"))


def print_change(screen: Console, before: Observation, after: Observation) -> None:
    """The limits of every container that differ between two Observations, before and after."""
    table = new_table("host", "container", "resource")
    for name in ("before", "after", "in use"):
        table.add_column(name, justify="right", no_wrap=True)
    for host in after.hosts:
        earlier = before.host(host.name)
        known = {one.name: one for one in earlier.containers} if earlier else {}
        for container in host.containers:
            if container.name in known:
                for resource, was, now, use in _differences(known[container.name], container):
                    table.add_row(
                        plain(host.name),
                        plain(container.name),
                        plain(resource),
                        plain(was),
                        plain(now, "green"),
                        plain(use),
                    )
    if table.row_count:
        screen.print(table)
    else:
        screen.print(plain("No limit changed."))


def _differences(was: ContainerObservation, now: ContainerObservation) -> list[tuple[str, str, str, str]]:
    found = []
    if was.limits.memory != now.limits.memory:
        use = "-" if now.usage.memory is None else memory(now.usage.memory)
        found.append(("memory", memory(was.limits.memory), memory(now.limits.memory), use))
    if was.limits.cpus != now.limits.cpus:
        use = "-" if now.usage.cpus is None else cores(now.usage.cpus)
        found.append(("CPU", cores(was.limits.cpus), cores(now.limits.cpus), use))
    return found


def _facts(host: HostObservation) -> str:
    facts = host.facts
    known = [cores(facts.cpus) if facts.cpus else "", memory(facts.memory) if facts.memory else ""]
    if facts.disk_free is not None and facts.disk_total:
        known.append(f"{disk(facts.disk_free)} of {disk(facts.disk_total)} free")
    known += [facts.distribution, f"Docker {facts.docker}" if facts.docker else ""]
    return ", ".join(word for word in known if word)


def _print_containers(screen: Console, host: HostObservation) -> None:
    table = new_table("container", "state")
    for name in ("CPU", "of", "memory", "of", "used"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("history", justify="right", no_wrap=True)
    history = {one.name: one for one in host.history}
    for container in sorted(host.containers, key=lambda one: (one.project or "", one.name)):
        limits, usage = container.limits, container.usage
        share = usage.memory / limits.memory if limits.memory and usage.memory is not None else None
        seen = history.get(container.name)
        known = duration(len(seen.at) * seen.bucket_seconds) if seen is not None and len(seen.at) else "none"
        table.add_row(
            plain(container.name),
            plain(_state(container), "" if container.state == "running" and container.health in _HEALTHY else "red"),
            plain("-" if usage.cpus is None else f"{usage.cpus:.2f}"),
            plain("-" if limits.cpus is None else f"{limits.cpus:g}"),
            plain("-" if usage.memory is None else memory(usage.memory)),
            plain("-" if limits.memory is None else memory(limits.memory)),
            plain("" if share is None else percent(share)),
            plain(known),
        )
    screen.print(table)


def _state(container: ContainerObservation) -> str:
    words = container.state if container.health is None else container.health
    if container.oom_killed:
        words += ", killed for memory"
    return f"{words}, {count(container.restarts, 'restart')}" if container.restarts else words
