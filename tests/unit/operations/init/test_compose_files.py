"""A Compose project is read from its files as Compose reads them, whichever of its forms they are in."""

from __future__ import annotations

from pathlib import Path

import pytest

from selextract_infra.errors import ComposeFileError
from selextract_infra.operations.init.compose_files import ComposeProject, read_compose_project
from selextract_infra.operations.init.compose_service import ComposeService


@pytest.fixture(autouse=True)
def without_compose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether this machine has Compose must not matter."""
    monkeypatch.setattr("selextract_infra.operations.init.compose_files._has_compose", lambda: False)


def project(folder: Path, text: str, caller: dict[str, str] | None = None) -> ComposeProject:
    (folder / "compose.yml").write_text(text)
    return read_compose_project(str(folder), caller or {})


def service(folder: Path, lines: str, **caller: str) -> ComposeService:
    """The one service that has these lines."""
    indented = "\n".join(f"    {line}" for line in lines.splitlines())
    (read,) = project(folder, f"services:\n  web:\n{indented}\n", caller).services
    return read


@pytest.mark.parametrize("written", ["environment: [A=1, 'B=x=y', C]", "environment: {A: 1, B: 'x=y', C: }"])
def test_lists_and_mappings_of_variables_are_the_same(tmp_path: Path, written: str) -> None:
    assert service(tmp_path, f"image: web\n{written}").environment == {"A": "1", "B": "x=y", "C": None}


def test_words_that_yaml_would_take_for_something_else_stay_words(tmp_path: Path) -> None:
    read = service(tmp_path, "image: web\nenvironment: {A: yes, B: 012, C: 1:30, D: true, E: 2024-01-01}")
    assert list(read.environment.values()) == ["yes", "012", "1:30", "true", "2024-01-01"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("$NAME", "set"),
        ("${NAME}", "set"),
        ("${NAME:-other}", "set"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY-other}", ""),
        ("${MISSING:-${NAME}}", "set"),
        ("${MISSING:-http://${ALSO:-db}:1}", "http://db:1"),
        ("${NAME:+yes}", "yes"),
        ("${MISSING:+yes}", ""),
        ("${MISSING:?it has to be set}", "${MISSING}"),
        ("${MISSING}", "${MISSING}"),
        ("$$NAME", "$NAME"),
        ("a $ b", "a $ b"),
        ("$(date)", "$(date)"),
    ],
)
def test_variables_are_filled_in_as_compose_does_it_and_stay_by_name_where_nothing_sets_them(
    tmp_path: Path, written: str, value: str
) -> None:
    read = service(tmp_path, f"image: web\nenvironment:\n  A: '{written}'", NAME="set", EMPTY="")
    assert read.environment["A"] == value


def test_variables_come_from_the_env_file_beside_and_the_callers_come_before_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# a remark\nexport NAME='file' \nOTHER=plain # remark\n")
    assert service(tmp_path, "image: $NAME-$OTHER").image == "file-plain"
    assert service(tmp_path, "image: $NAME-$OTHER", NAME="called").image == "called-plain"


def test_a_file_of_variables_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "there.env").write_text("A=file\nB=file\n")
    read = service(
        tmp_path, "image: web\nenv_file: [there.env, {path: gone.env, required: false}]\nenvironment: [B=own]"
    )
    assert read.environment == {"A": "file", "B": "own"}
    assert read.unread == ("gone.env",)


def test_anchors_merges_and_extensions_are_followed(tmp_path: Path) -> None:
    read = project(
        tmp_path,
        "x-base: &base {image: web, environment: &vars {A: base, B: base}}\n"
        "services:\n  web:\n    <<: *base\n    environment: {<<: *vars, B: own}\n",
    )
    assert read.services[0].image == "web"
    assert read.services[0].environment == {"A": "base", "B": "own"}


def test_a_service_that_extends_another_one_has_what_both_say(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text("services:\n  base: {image: web, environment: [A=base, B=base], ports: [80]}\n")
    read = project(
        tmp_path,
        "services:\n  web:\n    extends: {file: base.yml, service: base}\n    environment: {B: own}\n    ports: [81]\n",
    )
    assert read.services[0].environment == {"A": "base", "B": "own"}
    assert read.services[0].ports == ("80", "81")


def test_the_override_beside_and_includes_belong_to_the_project(tmp_path: Path) -> None:
    (tmp_path / "compose.override.yml").write_text("services:\n  web: {image: newer, volumes: ['./b:/x']}\n")
    (tmp_path / "more.yml").write_text("services:\n  db: {image: postgres}\n")
    text = "include: [more.yml]\nservices:\n  web: {image: older, volumes: ['./a:/x', './c:/y']}\n"
    read = project(tmp_path, text)
    services = {each.name: each for each in read.services}
    assert services["web"].image == "newer"
    assert [(mount.source, mount.target) for mount in services["web"].mounts] == [("./c", "/y"), ("./b", "/x")]
    assert services["db"].image == "postgres"


def test_several_files_are_named_as_in_compose_file(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("services:\n  web: {image: a}\n")
    (tmp_path / "b.yml").write_text("services:\n  web: {image: b}\n")
    assert read_compose_project(f"{tmp_path}/a.yml:{tmp_path}/b.yml", {}).services[0].image == "b"


def test_short_and_long_ports_and_mounts_are_the_same(tmp_path: Path) -> None:
    read = service(
        tmp_path,
        "image: web\nexpose: [9000]\n"
        "ports: ['80', '8080:81', '127.0.0.1:8082:82/udp', '[::1]:8083:83', {target: 84, published: 8084}]\n"
        "volumes: [/a, 'data:/b', './c:/c:ro', {type: volume, source: d, target: /d}]",
    )
    assert read.ports == ("80", "81", "82", "83", "84", "9000")
    assert read.published == ("8080", "8082", "8083", "8084")
    assert [(mount.source, mount.target, mount.read_only) for mount in read.mounts] == [
        (None, "/a", False),
        ("data", "/b", False),
        ("./c", "/c", True),
        ("d", "/d", False),
    ]


def test_the_name_of_a_project_is_its_own_else_its_folders(tmp_path: Path) -> None:
    folder = tmp_path / "My.Shop"
    folder.mkdir()
    assert project(folder, "services: {web: {image: web}}").name == "myshop"
    assert project(folder, "name: ${N:-other}\nservices: {web: {image: web}}").name == "other"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("services: [", "this is not valid YAML"),
        ("- a\n", "it holds no mapping of services"),
        ("volumes: {}\n", "has no services"),
        ("services: {web: }\n", "its services are no mapping"),
        ("services: {web: {restart: always}}\n", "neither an image nor a build"),
        ("services: {web: {image: a, image: b}}\n", 'line 1: "image" stands twice'),
        ("services: {web: {image: a, environment: A=1}}\n", "environment is neither a mapping nor a list"),
        ("services: {web: {image: a, environment: [{A: 1}]}}\n", "neither NAME nor NAME=VALUE"),
        ("services: {web: {image: a, environment: {A: [1]}}}\n", r"environment\.A is a list"),
        ("x: &a text\nservices: {web: {<<: *a, image: b}}\n", "<< merges something that is no mapping"),
        ("services: {web: {image: a, ports: !reset []}}\n", "the tag !reset is only understood by Compose itself"),
        ("services: {web: {image: '${A'}}\n", "a variable in braces has no end"),
        ("services: {web: {image: '${A!b}'}}\n", "is no variable that Compose can read"),
        ("services: {web: {extends: other}}\n", "extends other, which is not there"),
        ("services: {web: {extends: web}}\n", "extends itself"),
        ("include: [compose.yml]\nservices: {web: {image: a}}\n", "includes or extends itself"),
        ("include: ['oci://registry/app']\nservices: {web: {image: a}}\n", "can only be read by Compose itself"),
        (
            "a: &a [x, x]\nb: &b [*a, *a]\n" + "c: [" + "*b, " * 40_000 + "]\nservices: {w: {image: a}}\n",
            "nests or repeats",
        ),
    ],
)
def test_what_cannot_be_read_for_what_it_means_is_refused_by_a_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(ComposeFileError, match=sentence):
        project(tmp_path, text)


def test_a_folder_without_a_compose_file_says_which_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ComposeFileError, match=r"has no Compose file \(compose\.yaml"):
        read_compose_project(str(tmp_path), {})
    with pytest.raises(ComposeFileError, match="There is no"):
        read_compose_project(str(tmp_path / "gone"), {})
