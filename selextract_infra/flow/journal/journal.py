"""The Journal: an append-only record of Observations, Decisions, Runs and incidents, on the control machine.

It mirrors what the hosts hold in their own state, so losing it loses no way back.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from selextract_infra.errors import SelextractError, UsageError
from selextract_infra.flow.journal.buckets import read_history, write_history
from selextract_infra.flow.journal.machines import bind_machines, cursors_of, machine_owner
from selextract_infra.flow.journal.schema import MIGRATIONS, SCHEMA_VERSION
from selextract_infra.model.emergency import Incident
from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import HostFacts, HostObservation, Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run, RunStatus
from selextract_infra.model.text import displayable

__all__ = ["Journal", "default_state_folder"]

_CLOSED = "run closed"
_BUSY_MILLISECONDS = 10_000
_REFUSED = "machine refused"
_SAID_AGAIN = timedelta(days=1)


def default_state_folder() -> Path:
    """Where the journal lives: ``SELEXTRACT_STATE``, else ``selextract-infra`` below the user's XDG state folder."""
    named = os.environ.get("SELEXTRACT_STATE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "selextract-infra"


class Journal:
    """The record of one control machine, an SQLite database in WAL mode that only its owner can read.

    Opening creates it or brings it up to date. Raises ``SelextractError`` when it cannot be written: an operation that
    cannot be recorded is not begun.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_state_folder()
        self.path = self.folder / "journal.sqlite"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
            os.fchmod(handle, 0o600)  # one that was there before, too
            os.close(handle)
            self._database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self._prepare()
        except (OSError, sqlite3.Error) as problem:
            raise SelextractError(
                f"The journal {self.path} cannot be written: {problem}.",
                remedy="make room or mend its permissions; nothing on a host was touched",
            ) from problem

    def _prepare(self) -> None:
        self._database.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        with self._writing() as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version > SCHEMA_VERSION:
                raise UsageError(
                    f"The journal {self.path} is of a newer version: schema {version}, known {SCHEMA_VERSION}.",
                    remedy="upgrade selextract-infra, or name another folder with --state",
                )
            for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
                for statement in statements:
                    database.execute(statement)
                database.execute(f"PRAGMA user_version={number}")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction; an error undoes it whole."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def close(self) -> None:
        """Close the database; the journal cannot be used afterwards."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def record_observation(self, observation: Observation) -> None:
        """Append an Observation; its histories go, bucket by bucket, into the series kept per machine."""
        bare = observation.model_copy(update={"hosts": tuple(_without_history(host) for host in observation.hosts)})
        with self._writing() as database:
            database.execute(
                "INSERT INTO observations (at, digest, hosts, content) VALUES (?, ?, ?, ?)",
                (
                    _stamp(observation.at),
                    observation.digest,
                    _names(host.name for host in observation.hosts),
                    bare.model_dump_json(),
                ),
            )
            for host in filter(lambda host: host.facts.machine_id, observation.hosts):
                write_history(database, host.facts.machine_id, host.history)

    def bind_machines(
        self, observation: Observation, *, inventory: str = "", names: Iterable[str] | None = None
    ) -> Observation:
        """The Observation without the history of hosts that say they are a machine which is known as another host.

        ``names`` are all hosts of the inventory, None where only some of them were looked at. What was refused is an
        event, told once.
        """
        machines = {host.name: host.facts.machine_id for host in observation.hosts if host.facts.machine_id}
        with self._writing() as database:
            refused = bind_machines(database, machines, inventory, names)
        for host, why in refused.items():
            claimed = displayable(machines[host], limit=64)
            sentence = f"{host} says it is machine {claimed}, but {why}; its usage is not kept."
            earlier = self.events_of(_REFUSED, since=observation.at - _SAID_AGAIN)
            if not any(event["sentence"] == sentence for event in earlier):
                self.record_event(observation.at, _REFUSED, sentence, host=host)
        hosts = tuple(
            host.model_copy(update={"history": ()}) if host.name in refused else host for host in observation.hosts
        )
        return observation.model_copy(update={"hosts": hosts})

    def cursors(self) -> dict[str, dict[str, int]]:
        """Start of the newest bucket held, by host and machine-id: what an observation need not fetch again."""
        return cursors_of(self._database)

    def owns_machine(self, host: str, machine_id: str) -> bool:
        """Whether that machine is the host's own, as far as is known here."""
        owner = machine_owner(self._database, machine_id)
        return owner is not None and owner[0] == host

    def history(self, machine_id: str, *, since: datetime, before: datetime) -> tuple[ContainerHistory, ...]:
        """Buckets of one machine in ``[since, before)``, a ContainerHistory for each container."""
        return read_history(self._database, machine_id, int(since.timestamp()), int(before.timestamp()))

    def last_observation(self) -> Observation | None:
        """The newest Observation recorded, without histories."""
        row = self._database.execute("SELECT content FROM observations ORDER BY id DESC LIMIT 1").fetchone()
        return Observation.model_validate_json(row[0]) if row else None

    def host_facts(self, host: str, *, since: datetime) -> Iterator[tuple[datetime, HostFacts]]:
        """The facts of a host in each Observation since then, oldest first."""
        rows = self._database.execute(
            "SELECT at, content FROM observations WHERE at >= ? AND EXISTS"
            " (SELECT 1 FROM json_each(hosts) WHERE value = ?) ORDER BY at, id",
            (_stamp(since), host),
        )
        for at, content in rows:
            observed = Observation.model_validate_json(content).host(host)
            if observed is not None:
                yield datetime.fromisoformat(at), observed.facts

    def observations(self, limit: int) -> list[dict[str, str]]:
        """The newest Observations as rows of when, hosts and digest."""
        rows = self._database.execute("SELECT at, hosts, digest FROM observations ORDER BY id DESC LIMIT ?", (limit,))
        return [{"at": at, "hosts": hosts, "digest": digest} for at, hosts, digest in rows]

    def record_plan(self, plan: Plan) -> None:
        """Append a Plan with its Decisions; one of the same digest is kept once."""
        with self._writing() as database:
            database.execute(
                "INSERT OR IGNORE INTO plans VALUES (?, ?, ?, ?)",
                (plan.digest, plan.operation, _stamp(plan.made_at), plan.model_dump_json()),
            )

    def plan(self, digest: str) -> Plan | None:
        """The Plan of that digest, or None."""
        row = self._database.execute("SELECT content FROM plans WHERE digest = ?", (digest,)).fetchone()
        return Plan.model_validate_json(row[0]) if row else None

    def record_run(self, run: Run) -> None:
        """Append a Run, or what has become of it."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                " status = excluded.status, ended_at = excluded.ended_at, content = excluded.content",
                (
                    run.id,
                    run.operation,
                    run.status,
                    _stamp(run.started_at),
                    _stamp(run.ended_at) if run.ended_at else None,
                    _names(run.hosts),
                    run.model_dump_json(),
                ),
            )

    def run(self, run_id: str) -> Run | None:
        """The Run of that ID; the beginning of an ID is enough when only one Run has it. None when unknown."""
        pattern = run_id.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
        rows = self._database.execute(
            r"SELECT id, content FROM runs WHERE id LIKE ? ESCAPE '\' LIMIT 2", (pattern,)
        ).fetchall()
        exact = [row for row in rows if row[0] == run_id] or rows
        return _read_run(exact[0][1]) if len(exact) == 1 else None

    def runs(self, limit: int) -> list[Run]:
        """The newest Runs, newest first."""
        rows = self._database.execute("SELECT content FROM runs ORDER BY started_at DESC, rowid DESC LIMIT ?", (limit,))
        return [_read_run(content) for (content,) in rows]

    def unfinished_runs(self) -> list[Run]:
        """Runs without an end: at work now, or interrupted."""
        rows = self._database.execute(
            "SELECT content FROM runs WHERE status IN (?, ?, ?, ?) ORDER BY started_at",
            (RunStatus.RUNNING, RunStatus.INTERRUPTED, RunStatus.CANCELLED, RunStatus.WAITING),
        )
        return [_read_run(content) for (content,) in rows]

    def record_event(self, at: datetime, kind: str, sentence: str, *, host: str = "", run: str = "") -> None:
        """Append something that is no Run: an override, an unlock, a lock taken over, a freeze."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO events (at, kind, host, run, sentence) VALUES (?, ?, ?, ?, ?)",
                (_stamp(at), kind, host, run, sentence),
            )

    def events(self, limit: int) -> list[dict[str, str]]:
        """The newest events, newest first."""
        rows = self._database.execute(
            "SELECT at, kind, host, run, sentence FROM events ORDER BY id DESC LIMIT ?", (limit,)
        )
        return [dict(zip(("at", "kind", "host", "run", "sentence"), row, strict=True)) for row in rows]

    def close_run(self, at: datetime, run_id: str, reason: str) -> None:
        """Record that a person has dealt with a Run that was not put back as it was before."""
        self.record_event(at, _CLOSED, f"Run {run_id} is closed: {reason}", run=run_id)

    def closed_runs(self) -> frozenset[str]:
        """The IDs of the Runs that a person has dealt with."""
        rows = self._database.execute("SELECT DISTINCT run FROM events WHERE kind = ?", (_CLOSED,))
        return frozenset(run for (run,) in rows)

    def record_incident(self, incident: Incident) -> None:
        """Append an incident, or what has become of it."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO incidents VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET content = excluded.content",
                (incident.id, _stamp(incident.opened_at), incident.drill, incident.model_dump_json()),
            )

    def incident(self, incident_id: str | None = None) -> Incident | None:
        """The incident of that ID, or the newest one that is no drill; None when there is none."""
        row = self._database.execute(
            "SELECT content FROM incidents WHERE id = ? OR (? IS NULL AND NOT drill) ORDER BY opened_at DESC LIMIT 1",
            (incident_id, incident_id),
        ).fetchone()
        return Incident.model_validate_json(row[0]) if row else None

    def last_drill(self) -> datetime | None:
        """When the emergency was last rehearsed to its end, None for never (REC-05)."""
        rows = self._database.execute("SELECT content FROM incidents WHERE drill ORDER BY opened_at DESC")
        drills = (Incident.model_validate_json(content) for (content,) in rows)
        return next((drill.opened_at for drill in drills if drill.closed_at and not drill.failed), None)

    def events_of(self, *kinds: str, since: datetime) -> list[dict[str, str]]:
        """The events of some kinds since then, oldest first."""
        rows = self._database.execute(
            "SELECT at, kind, host, run, sentence FROM events"
            " WHERE at >= ? AND kind IN (SELECT value FROM json_each(?)) ORDER BY id",
            (_stamp(since), json.dumps(kinds)),
        )
        return [dict(zip(("at", "kind", "host", "run", "sentence"), row, strict=True)) for row in rows]

    def forget(self, now: datetime, *, observations: timedelta, buckets: timedelta) -> None:
        """Apply the retention: drop Observations and buckets that are older than these. Runs are kept."""
        with self._writing() as database:
            database.execute("DELETE FROM observations WHERE at < ?", (_stamp(now - observations),))
            database.execute("DELETE FROM buckets WHERE at < ?", (int((now - buckets).timestamp()),))


def _without_history(host: HostObservation) -> HostObservation:
    return host.model_copy(update={"history": ()})


def _read_run(content: str) -> Run:
    try:
        return Run.model_validate_json(content)
    except ValidationError as problem:
        raise SelextractError(
            f"The journal holds a Run that cannot be read: {problem.errors()[0]['msg']}."
        ) from problem


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _names(names: Iterable[str]) -> str:
    return json.dumps(sorted(names))
