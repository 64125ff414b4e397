"""A server that runs against what it should have: what changes, what takes a restart, what is not ours to change."""

from __future__ import annotations

import pytest

from selextract_infra.assess.postgres.parameters import PARAMETERS
from selextract_infra.assess.postgres.proposal import Subject
from selextract_infra.assess.postgres.settings_for import tune_postgres
from selextract_infra.model.decision import Verdict
from selextract_infra.model.observation import ContainerObservation, HostFacts, HostObservation, Limits
from selextract_infra.model.postgres import Role, Unit
from selextract_infra.model.postgres_conf import conf_value
from selextract_infra.model.postgres_observation import PostgresObservation, PostgresSetting, RoleSetting
from selextract_infra.model.tuning import PostgresFacts, PostgresTuning, Setting
from selextract_infra.operations.tune.decide_postgres import (
    Retuning,
    facts_of,
    in_force,
    pinned_by,
    raw_value,
    retune_postgres,
)
from selextract_infra.policy import default_policy, load_policy

MB, GB = 1 << 20, 1 << 30
POLICY = load_policy({"application": {"project": "shop", "services": {"db": {"role": "database"}}}})
FACTS = PostgresFacts(memory=2 * GB, cpus=2, version=16, connections=50, disk=100 * 10**9)
SUBJECT = Subject("app1", "shop", "db")
CONF = "configuration file"
OURS = "/data/conf.d/selextract-infra.conf"
UNITS = {
    **dict.fromkeys(("shared_buffers", "wal_buffers", "effective_cache_size"), "8kB"),
    **dict.fromkeys(("min_wal_size", "max_wal_size", "max_slot_wal_keep_size"), "MB"),
    **dict.fromkeys(("work_mem", "maintenance_work_mem", "autovacuum_work_mem"), "kB"),
    "max_standby_streaming_delay": "ms",
}


def tuned() -> PostgresTuning:
    return tune_postgres(FACTS, POLICY, subject=SUBJECT)


def server(**changed: PostgresSetting) -> PostgresObservation:
    """A server that has what it should have, but for some settings."""
    settings = {
        setting.name: PostgresSetting(
            value=raw_value(setting, UNITS.get(setting.name)), unit=UNITS.get(setting.name), source=CONF, file=OURS
        )
        for setting in tuned().settings
    }
    return PostgresObservation(
        project="shop", service="db", container="shop-db-1", version=16, shm_size=GB, settings={**settings, **changed}
    )


def retuned(seen: PostgresObservation) -> Retuning:
    return retune_postgres(FACTS, seen, POLICY, subject=SUBJECT)


def test_a_server_that_has_everything_needs_nothing() -> None:
    done = retuned(server())
    assert (done.reload, done.restart, done.pinned) == ((), (), {})
    assert {one.verdict for one in done.decisions} == {Verdict.KEEP}


def test_what_takes_a_reload_is_told_from_what_takes_a_restart() -> None:
    done = retuned(
        server(
            shared_buffers=PostgresSetting(value="16384", unit="8kB"),
            work_mem=PostgresSetting(value="4096", unit="kB"),
            jit=PostgresSetting(value="on"),
        )
    )
    assert done.reload == ("jit", "work_mem")
    assert done.restart == ("shared_buffers",)
    decision = next(one for one in done.decisions if one.resource == "shared_buffers")
    assert (decision.current_text, decision.granted_text) == ("128MB", "512MB")
    assert decision.verdict is Verdict.RAISE
    assert decision.changes
    assert decision.host == "app1"
    assert decision.rule == "X-01"
    switched = next(one for one in done.decisions if one.resource == "jit")
    assert (switched.current_text, switched.granted_text, switched.verdict) == ("on", "off", Verdict.SET)
    assert switched.changes


def test_an_argument_of_the_server_is_named_and_left_alone() -> None:
    done = retuned(server(shared_buffers=PostgresSetting(value="131072", unit="8kB", source="command line")))
    assert done.restart == ()
    assert "shared_buffers" not in {one.name for one in done.settings}
    decision = next(one for one in done.decisions if one.resource == "shared_buffers")
    assert decision.verdict is Verdict.REFUSED
    assert not decision.changes
    assert decision.granted_text == "1GB"
    (finding,) = [one for one in done.findings if one.subject == "shared_buffers"]
    assert "shared_buffers is 1GB by an argument of the server (-c), which wins over every file" in finding.sentence
    assert "512MB would be right" in finding.sentence
    assert "does not add up" in finding.sentence


def test_an_argument_that_is_right_is_no_finding() -> None:
    done = retuned(server(shared_buffers=PostgresSetting(value="65536", unit="8kB", source="command line")))
    assert not [one for one in done.findings if one.subject == "shared_buffers"]


def test_alter_system_is_told_by_its_file() -> None:
    auto = PostgresSetting(value="4096", unit="kB", source=CONF, file="/data/postgresql.auto.conf")
    done = retuned(server(work_mem=auto))
    assert done.pinned == {"work_mem": "postgresql.auto.conf"}
    assert any("ALTER SYSTEM RESET work_mem" in one.resolution for one in done.findings)


def test_other_waiting_settings_and_those_of_roles_are_named() -> None:
    seen = server().model_copy(
        update={
            "pending_restart": ("wal_level",),
            "role_settings": (RoleSetting(role="report", name="work_mem", value="1GB"),),
            "shm_size": 64 * MB,
        }
    )
    sentences = " ".join(one.sentence for one in retuned(seen).findings)
    assert "wal_level of shop-db-1 wait for a restart" in sentences
    assert "Sessions of report get work_mem = 1GB" in sentences
    assert "has 64 MB of shared memory" in sentences.replace("MiB", "MB")


def test_what_a_server_has_is_its_containers_limit_and_never_the_hosts_memory() -> None:
    container = ContainerObservation(name="shop-db-1", id="1", image="i", limits=Limits(memory=2 * GB, cpus=1.5))
    seen = server(max_connections=PostgresSetting(value="30", source="command line")).model_copy(
        update={"disk_total": 10**11, "lz4": True}
    )
    host = HostObservation(name="app1", facts=HostFacts(cpus=8, memory=32 * GB), containers=(container,), postgres=seen)
    facts = facts_of(host, seen, POLICY)
    assert (facts.memory, facts.cpus, facts.version, facts.disk) == (2 * GB, 1.5, 16, 10**11)
    assert facts.connections == 30
    unlimited = host.model_copy(update={"containers": ()})
    assert facts_of(unlimited, seen, POLICY).memory == 32 * GB


def test_a_standby_never_has_less_than_it_has() -> None:
    seen = server(max_connections=PostgresSetting(value="80", source=CONF)).model_copy(update={"in_recovery": True})
    facts = facts_of(HostObservation(name="app1", facts=HostFacts(cpus=8, memory=32 * GB)), seen, POLICY)
    assert facts.role is Role.READER
    assert facts.primary["max_connections"] == 80


@pytest.mark.parametrize(("source", "file", "wins"), [
    ("default", None, None), (CONF, "/data/postgresql.conf", None), (CONF, None, None),
    ("environment variable", None, "the source environment variable"),
])  # fmt: skip
def test_only_what_wins_over_a_file_is_pinned(source: str, file: str | None, wins: str | None) -> None:
    assert pinned_by(PostgresSetting(value="1", source=source, file=file)) == wins


@pytest.mark.parametrize("setting", tuned().settings, ids=lambda setting: setting.name)
def test_a_value_survives_the_way_to_the_server_and_back(setting: Setting) -> None:
    unit = UNITS.get(setting.name)
    back = in_force(setting.name, PostgresSetting(value=raw_value(setting, unit), unit=unit))
    assert conf_value(setting.model_copy(update={"value": back})) == conf_value(setting)


def test_minus_one_means_what_postgres_means_by_it() -> None:
    assert in_force("autovacuum_work_mem", PostgresSetting(value="-1", unit="kB")) == -1
    assert PARAMETERS["autovacuum_work_mem"].unit is Unit.BYTES


def test_the_guides_numbers_need_the_guides_host() -> None:
    assert default_policy().postgres.restart.estimate > 0
