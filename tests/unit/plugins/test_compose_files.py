from __future__ import annotations

from pathlib import Path

import pytest

from plugins.module_utils.compose import compose
from plugins.module_utils.compose.files_in_force import files_in_force


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (["compose.yml"], ["compose.yml"]),
        (["docker-compose.yml", "docker-compose.override.yml"], ["docker-compose.yml", "docker-compose.override.yml"]),
        (["compose.yaml", "compose.yml", "compose.override.yaml"], ["compose.yaml", "compose.override.yaml"]),
        (["compose.override.yml"], []),
        ([], []),
    ],
)
def test_composes_own_names_count_where_nothing_else_is_said(
    tmp_path: Path, present: list[str], expected: list[str]
) -> None:
    for name in present:
        (tmp_path / name).write_text("services: {}\n", encoding="utf-8")
    assert files_in_force(str(tmp_path)) == expected


def test_compose_file_in_the_environment_file_decides(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").touch()
    (tmp_path / ".env").write_text("DIR=prod\nCOMPOSE_FILE=base.yml;${DIR}/more.yml\nCOMPOSE_PATH_SEPARATOR=;\n")
    assert files_in_force(str(tmp_path)) == ["base.yml", "prod/more.yml"]


@pytest.mark.parametrize(
    ("complaint", "told"),
    [
        ("\x1b[31mservices.api.mem_limit must be a string\x1b[0m\n", "services.api.mem_limit must be a string"),
        ("noise\nlast word.\n\n", "last word"),
        ("", "no reason was given"),
    ],
)
def test_composes_last_word_is_told_without_colours(complaint: str, told: str) -> None:
    assert compose._reason(complaint) == told


def test_values_of_an_environment_are_not_told() -> None:
    complaint = 'invalid interpolation format for services.api.environment.PASSWORD: "s3cret${"'
    assert "s3cret" not in compose._reason(complaint)
