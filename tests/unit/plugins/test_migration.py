"""The state folder of version 0.1 in today's layout: nothing is lost wherever it is cut off."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils.state import flat_layout, layout
from plugins.module_utils.state.layout import COMPONENTS
from plugins.module_utils.state.migration import migrate, refuse_old_emergency
from plugins.module_utils.state.project_state import ProjectState, known_projects
from plugins.module_utils.state.runs import unfinished_runs
from plugins.module_utils.state.state import NEEDS_NEWER, StateFolder
from plugins.module_utils.system.failure import HostSideError

NAMES = ("app", "shop", "a-very-long-name-of-a-compose-project-that-somebody-has-chosen")


class _KilledError(BaseException):
    pass


def old_host(
    path: Path, projects: tuple[str, ...], *, balanced: str | None = None, replica_of: str | None = None
) -> None:
    """A state folder as version 0.1 leaves it with these Projects; one may be balanced, one have a replica here."""
    folder = StateFolder(str(path))
    folder.prepare()
    folder.write("freeze.json", {"owner": "somebody"})
    if projects:
        folder.write(
            "capacity.json", {f"/srv/{name}": {"project": name, "form": "override", "file": "x"} for name in projects}
        )
        folder.write("pgbouncer.json", {name: {"port": 6432, "of": name} for name in projects})
        servers = {f"{name}/db": {"project": name, "service": "db"} for name in projects}
        folder.write("postgres.json", {"format": 1, "servers": servers})
        for name in projects:
            (path / "pgbouncer" / name / "config").mkdir(parents=True)
    if balanced:
        (path / "balancer/config").mkdir(parents=True)
        folder.write("balancer/settings.json", {"project": balanced, "service": "api", "servers": []})
        folder.write("edge.json", {"folder": "/srv/nginx.d", "project": balanced, "service": "nginx", "digest": "d"})
    if replica_of:
        (path / "replica/config").mkdir(parents=True)
        folder.write("replica/replica.json", {"format": 1, "wanted": {"port": 5432}})
        plan = {"decisions": [{"project": replica_of}]}
        folder.write(
            "runs/20260301T020000-aaaaaa.json", {"run_id": "r", "operation": "replicas", "plan": plan, "steps": {}}
        )


def seen(folder: StateFolder) -> dict[str, Any]:
    """Everything that is known of each Project, and of the host."""
    return {
        "freeze": folder.read("freeze.json"),
        "runs": folder.names("runs"),
        **{
            name: {
                **{file: ProjectState(folder, name).read(file) for file in flat_layout.FILES},
                **{part: ProjectState(folder, name).beside(part) for part in COMPONENTS},
            }
            for name in NAMES
        },
    }


def contents(path: Path) -> dict[str, str]:
    return {str(file.relative_to(path)): file.read_text() for file in sorted(path.rglob("*")) if file.is_file()}


def killed_at(number: int, work: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Do the work and die before its change number ``number`` on the disk; whether it came that far."""
    changes = 0

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any, **more: Any) -> Any:
            nonlocal changes
            changes += 1
            if changes > number:
                raise _KilledError
            return change(*arguments, **more)

        return act

    with monkeypatch.context() as patched:
        for module, name in ((os, "replace"), (os, "unlink"), (os, "makedirs")):
            patched.setattr(module, name, counted(getattr(module, name)))
        try:
            work()
        except _KilledError:
            return True
    return False


@pytest.mark.parametrize("projects", [(), NAMES[:1], NAMES])
def test_killed_at_any_change_on_the_disk_nothing_is_lost_and_the_next_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, projects: tuple[str, ...]
) -> None:
    number, cut = 0, True
    whole = tmp_path / "whole"
    old_host(whole, projects, balanced="shop", replica_of="app")
    before = seen(StateFolder(str(whole)))
    migrate(StateFolder(str(whole)))
    while cut:
        path = tmp_path / str(number)
        old_host(path, projects, balanced="shop", replica_of="app")
        folder = StateFolder(str(path))
        cut = killed_at(number, partial(migrate, folder), monkeypatch)
        assert seen(folder) == before, f"after {number} changes"
        migrate(folder)
        assert seen(folder) == before
        left = {name: text for name, text in contents(path).items() if not Path(name).name.startswith(".selextract-")}
        assert left == contents(whole)
        number += 1
    assert number > 5


@settings(max_examples=60, deadline=None)
@given(
    projects=st.lists(st.sampled_from(NAMES), unique=True).map(tuple),
    balanced=st.none() | st.sampled_from(NAMES),
    replica_of=st.none() | st.sampled_from(NAMES),
)
def test_what_is_known_of_each_project_is_the_same_before_and_after(
    tmp_path_factory: pytest.TempPathFactory, projects: tuple[str, ...], balanced: str | None, replica_of: str | None
) -> None:
    path = tmp_path_factory.mktemp("host")
    old_host(path, projects, balanced=balanced, replica_of=replica_of)
    folder = StateFolder(str(path))
    before, known = seen(folder), known_projects(folder)
    assert migrate(folder) == bool(projects or balanced or replica_of)
    assert seen(folder) == before
    assert known_projects(folder) == known
    assert not migrate(folder)
    assert not [name for name in flat_layout.FILES if (path / name).exists()]


def test_what_runs_keeps_its_names_and_folders_until_it_is_taken_away(tmp_path: Path) -> None:
    old_host(tmp_path, ("shop",), balanced="shop", replica_of="shop")
    folder = StateFolder(str(tmp_path))
    migrate(folder)
    shop = ProjectState(folder, "shop")
    assert shop.beside("balancer") == layout.OwnProject("selextract-balancer", "balancer")
    assert shop.beside("pgbouncer") == layout.OwnProject("shop-pgbouncer", "pgbouncer/shop")
    assert shop.beside("replica") == layout.OwnProject("selextract-replica", "replica")
    assert (tmp_path / "balancer/config").is_dir()
    shop.note_beside("balancer", None)
    assert shop.beside("balancer") == layout.OwnProject("shop-balancer", "projects/shop/balancer")
    assert ProjectState(folder, "app").beside("balancer").name == "app-balancer"


def test_a_name_that_version_0_1_gave_to_another_app_is_not_given_again(tmp_path: Path) -> None:
    old_host(tmp_path, ("shop",), balanced="shop")
    folder = StateFolder(str(tmp_path))
    assert ProjectState(folder, "selextract").beside("balancer").name == "selextract-balancer-2"
    migrate(folder)
    mine = ProjectState(folder, "selextract").beside("balancer")
    assert mine == layout.OwnProject("selextract-balancer-2", "projects/selextract/balancer")


def test_the_balancer_for_reads_belongs_to_the_project_whose_network_it_joins(tmp_path: Path) -> None:
    old_host(tmp_path, ("app", "shop"))
    folder = StateFolder(str(tmp_path))
    (tmp_path / "balancer-ro").mkdir()
    compose = json.dumps({"networks": {"app": {"external": True, "name": "shop_default"}}})
    folder.write("balancer-ro/settings.json", {"compose": compose})
    migrate(folder)
    assert ProjectState(folder, "shop").beside("balancer-ro").name == "selextract-balancer-ro"
    assert ProjectState(folder, "app").beside("balancer-ro").name == "app-balancer-ro"


def test_a_folder_of_a_newer_version_is_refused_in_one_sentence(tmp_path: Path) -> None:
    folder = StateFolder(str(tmp_path))
    folder.write("format.json", {"format": 3})
    with pytest.raises(HostSideError, match=r"written by a newer version .*format 3.*work with that version"):
        migrate(folder)
    with pytest.raises(HostSideError, match="newer version"):
        ProjectState(folder, "shop").read("capacity.json")


def test_version_0_1_stops_at_a_file_whose_name_says_what_it_needs(tmp_path: Path) -> None:
    """It reads each file of ``runs/`` before it takes the lock, and takes only records."""
    folder = StateFolder(str(tmp_path))
    folder.prepare()
    migrate(folder)
    with pytest.raises(HostSideError, match=r"needs-selextract-infra-0\.2-or-newer\.json holds no record"):
        folder.read(f"runs/{NEEDS_NEWER}")
    assert unfinished_runs(folder) == []
    assert not folder.holds_more_than_the_lock()


def test_while_a_run_of_version_0_1_has_the_host_nothing_is_moved_by_others(tmp_path: Path) -> None:
    old_host(tmp_path, ("shop",))
    folder = StateFolder(str(tmp_path))
    folder.write("lock.json", {"run_id": "other"})
    before = contents(tmp_path)
    with pytest.raises(HostSideError, match="a run has the host"):
        ProjectState(folder, "shop").write("autoscaler.json", {"services": {}})
    assert contents(tmp_path) == before


def test_one_projects_files_are_no_other_projects(tmp_path: Path) -> None:
    folder = StateFolder(str(tmp_path))
    folder.prepare()
    shop, app = ProjectState(folder, "shop"), ProjectState(folder, "app")
    shop.write("capacity.json", {"/srv/shop": {"project": "shop"}})
    app.write("capacity.json", {"/srv/app": {"project": "app"}})
    kept = app.read("capacity.json")
    assert known_projects(folder) == ["app", "shop"]
    assert shop.remove_all()
    assert not shop.remove_all()
    assert app.read("capacity.json") == kept
    assert known_projects(folder) == ["app"]


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "."])
def test_a_name_that_is_no_projects_never_leaves_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(HostSideError, match="not the name of a Compose project"):
        ProjectState(StateFolder(str(tmp_path)), name)


def test_sockets_below_the_folder_of_a_long_name_can_be_reached() -> None:
    longest = "/var/lib/selextract-infra/" + layout.own_project_of("x" * 200, "balancer-ro").folder + "/run/admin.sock"
    assert len(longest) < 108
    assert layout.project_folder("x" * 200) != layout.project_folder("x" * 201)


def test_an_emergency_of_version_0_1_keeps_others_out_until_its_own_program_has_ended_it(tmp_path: Path) -> None:
    folder = StateFolder(str(tmp_path))
    folder.write("emergency.json", {"status": "active", "run_id": "run-a", "began_at": "2026-03-01T02:00:00+00:00"})
    with pytest.raises(HostSideError, match=r"An emergency that version 0\.1 began is on") as refusal:
        refuse_old_emergency(folder, "run-b")
    assert refusal.value.rule == "X-74"
    refuse_old_emergency(folder, "run-a")
    folder.write("emergency.json", {"status": "reverted", "run_id": "run-a"})
    refuse_old_emergency(folder, "run-b")


def test_an_emergency_of_today_is_no_matter_of_the_layout(tmp_path: Path) -> None:
    folder = StateFolder(str(tmp_path))
    migrate(folder)
    folder.write("emergency.json", {"status": "active", "run_id": "run-a"})
    refuse_old_emergency(folder, "run-b")
