"""What somebody agrees to before something is taken off: every host, and every Project that has something there."""

from __future__ import annotations

import pytest

from selextract_infra.errors import UsageError
from selextract_infra.flow.single_playbook import question_of_uninstall


def test_a_host_with_several_projects_names_each() -> None:
    asked = question_of_uninstall(["app1", "db2"], {"app1": ("app", "shop"), "db2": ("app",)}, None)
    assert asked == "Take everything of selextract-infra off app1, db2? This is for every project: app1 has app, shop."


def test_one_project_is_taken_off_where_it_is_and_nothing_else() -> None:
    asked = question_of_uninstall(["app1", "db2"], {"app1": ("app", "shop"), "db2": ("app",)}, "shop")
    assert asked == "Take what is for shop off app1, and nothing else?"


def test_a_project_that_nobody_knows_is_named_with_those_that_are_there() -> None:
    with pytest.raises(UsageError, match="Nothing of ours is kept for kiosk; there is something for app, shop"):
        question_of_uninstall(["app1"], {"app1": ("app", "shop")}, "kiosk")
