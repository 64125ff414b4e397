"""``lab``: bring up a small datacentre on this machine, look at it, take it down."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.output import Format, emit, say
from selextract_infra.report.table import Block, Line, Tone, fields, number, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selextract_infra.lab import LabState, LabStatus, LoadResult, Step

Name = Annotated[str, typer.Option("--name", help="The lab's name; several labs live side by side.")]
Form = Annotated[Format, typer.Option("--format", help="How to print the answer.")]


def register(app: typer.Typer) -> None:
    """Add the command ``lab``."""
    lab = typer.Typer(
        help="Real Linux hosts with systemd, sshd and Docker on this machine, to try everything on.",
        no_args_is_help=True,
    )
    lab.command()(up)
    lab.command()(down)
    lab.command()(status)
    lab.command()(load)
    app.add_typer(lab, name="lab")


def up(
    topology: Annotated[
        str | None,
        typer.Option(help="single (app1) or multi (app1, db2, db3, db4); default: as it is, single at first."),
    ] = None,
    name: Name = "lab",
    base_image: Annotated[
        str | None,
        typer.Option(help="Make the hosts from this registry image, for example ubuntu:22.04; default: debootstrap."),
    ] = None,
    form: Form = Format.TABLE,
) -> None:
    """Bring the lab up, or what is missing of it."""
    from selextract_infra.lab import Lab

    state = Lab(name).up(topology, base_image=base_image, on_progress=say)
    emit(state.model_dump(mode="json", exclude={"ops_password"}), _state(state), form)


def down(name: Name = "lab") -> None:
    """Remove what `up` made: hosts, volumes, network, keys, inventory. The image cache stays."""
    from selextract_infra.lab import Lab

    Lab(name).down(on_progress=say)


def status(name: Name = "lab", form: Form = Format.TABLE) -> None:
    """Show the lab's hosts and the application on them."""
    from selextract_infra.lab import Lab

    now = Lab(name).status()
    emit(now, _status(now), form)


def load(
    rps: Annotated[float, typer.Option(help="Requests per second.")] = 20.0,
    tasks_per_hour: Annotated[float, typer.Option(help="Tasks per hour, handed to the workers.")] = 0.0,
    duration: Annotated[str, typer.Option("--for", help="How long, for example 90s or 5m.")] = "1m",
    step: Annotated[
        list[str] | None,
        typer.Option(help="RPS@DURATION, for example 50@30s; repeat it. Takes the place of --rps and --for."),
    ] = None,
    name: Name = "lab",
    form: Form = Format.TABLE,
) -> None:
    """Drive the lab's application and count every request and every task; Ctrl-C ends it early."""
    from selextract_infra.lab import Lab, Step
    from selextract_infra.policy.units import DURATION

    steps = [_step(text) for text in step or ()] or [Step(rps, DURATION.parse(duration))]
    run = Lab(name).load(steps=steps, tasks_per_hour=tasks_per_hour, on_progress=say)
    # A shell script starts its background jobs deaf to Ctrl-C; this one is to be ended that way.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run.start()
    try:
        run.wait()
    except KeyboardInterrupt:
        say("stopping; a second Ctrl-C leaves without counting")
        run.stop()
        run.wait()
    result = run.result
    emit(result, _load(result), form)


def _step(text: str) -> Step:
    from selextract_infra.errors import UsageError
    from selextract_infra.lab import Step
    from selextract_infra.policy.units import DURATION

    rate, at, lasting = text.partition("@")
    try:
        return Step(float(rate), DURATION.parse(lasting))
    except ValueError as wrong:
        if at and isinstance(wrong, UsageError):
            raise
        raise UsageError(f"“{text}” is not a step; write RPS@DURATION, for example 50@30s.") from wrong


def _state(state: LabState) -> Iterator[Block]:
    key = f"-i {state.key} -o UserKnownHostsFile={state.known_hosts}"
    logins = [(host.name, f"ssh {key} root@{host.address}") for host in state.hosts]
    yield fields([("application", state.url), ("inventory", str(state.inventory)), *logins])


def _status(status: LabStatus) -> Iterator[Block]:
    if not status.hosts:
        yield Line(f"There is no lab called {status.name}.")
        return
    rows = []
    for host in status.hosts:
        rows.append((host.name, host.address, host.state, "", ""))
        rows += [("", "", "", service.container, service.health or service.state) for service in host.services]
    yield table(("host", "address", "state", "container", "health"), rows, caption=f"lab {status.name}")
    yield from (Line(f"note: {note}") for note in status.notes)


def _load(result: LoadResult) -> Iterator[Block]:
    from selextract_infra.model.figures import count, latency

    requests = count(result.requests.total, "request")
    yield table(
        ("request", *map(number, ("total", "failed", "P50", "P95", "P99", "longest"))),
        (
            (
                kind,
                str(requests.total),
                str(requests.failed),
                *(
                    "-" if time is None else latency(time)
                    for time in (requests.p50, requests.p95, requests.p99, requests.longest)
                ),
            )
            for kind, requests in (*result.kinds.items(), ("all", result.requests))
        ),
        caption=f"{requests} in {result.seconds:.0f} s ({result.rate:.1f}/s)",
    )
    for reason, times in result.failures.items():
        yield Line(f"failed {count(times, 'time')}: {reason}", Tone.BAD)
    tasks = result.tasks
    counted = f"{tasks.started} started, {tasks.completed} completed, {tasks.lost} lost, {tasks.doubled} doubled"
    if tasks.unknown:
        counted = "not counted: the application did not answer afterwards"
    yield Line(f"tasks: {tasks.enqueued} accepted, {counted}")
