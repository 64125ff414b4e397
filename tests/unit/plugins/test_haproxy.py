from __future__ import annotations

import threading
from pathlib import Path

import pytest

from plugins.module_utils.haproxy.haproxy import AdminSocket
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.admin_socket import Proxy, answering
from tests.unit.waiting import until


def test_a_new_instance_is_added_with_its_checks_before_it_gets_requests(tmp_path: Path) -> None:
    proxy = Proxy(api_1=("UP", 2, "10.0.0.1:8000"))
    with answering(tmp_path / "s", proxy) as path:
        assert AdminSocket(path).enter("api-2", "10.0.0.2", 8000, "check inter 30s")
    wanted = [
        "add server api/api-2 10.0.0.2:8000 check inter 30s",
        "enable health api/api-2",
        "enable server api/api-2",
    ]
    assert [said for said in proxy.said if not said.startswith("show")] == wanted
    assert proxy.servers["api-2"] == ["UP 1/3", 0, "10.0.0.2:8000"]


def test_a_backend_knows_its_own_servers_only(tmp_path: Path) -> None:
    proxy = Proxy(api_1=("UP", 2, "10.0.0.1:8000"))
    with answering(tmp_path / "s", proxy) as path:
        reads = AdminSocket(path, "reads")
        assert reads.servers() == {}
        reads.add("db2", "10.0.0.2:5432 check backup")
        reads.ready("db2")
    changes = [command for command in proxy.said if not command.startswith("show")]
    assert changes == [
        "add server reads/db2 10.0.0.2:5432 check backup",
        "enable health reads/db2",
        "enable server reads/db2",
        "set server reads/db2 state ready",
    ]


def test_one_that_is_known_gets_its_new_address(tmp_path: Path) -> None:
    proxy = Proxy(api_1=("MAINT", 0, "10.0.0.1:8000"))
    with answering(tmp_path / "s", proxy) as path:
        assert not AdminSocket(path).enter("api-1", "10.0.0.9", 8000, "check")
    assert proxy.servers["api-1"] == ["UP", 0, "10.0.0.9:8000"]


def test_a_leaving_one_is_removed_only_when_it_holds_nothing(tmp_path: Path) -> None:
    proxy = Proxy(api_1=("UP", 1, "10.0.0.1:8000"))
    proxy.dynamic.add("api-1")
    with answering(tmp_path / "s", proxy) as path:
        admin = AdminSocket(path)
        assert admin.drain(["api-1"], 5, 5) == 0
        admin.remove("api-1")
    assert proxy.servers == {}


def test_a_stream_is_cut_at_its_bound_and_nothing_else_is(tmp_path: Path) -> None:
    proxy = Proxy(api_1=("UP", 0, "10.0.0.1:8000"), api_2=("UP", 0, "10.0.0.2:8000"))
    proxy.sessions = {"0xa1": ("api-1", 200), "0xa2": ("api-1", 101), "0xb1": ("api-2", 200)}
    with answering(tmp_path / "s", proxy) as path:
        assert AdminSocket(path).drain(["api-1"], 0.0, 30) == 2
    assert proxy.sessions == {"0xb1": ("api-2", 200)}


def test_a_request_without_an_answer_is_waited_for_after_streams_are_cut(tmp_path: Path) -> None:
    proxy = Proxy(api_1=("UP", 0, "10.0.0.1:8000"))
    proxy.sessions = {"0xa1": ("api-1", 200), "0xa2": ("api-1", -1)}
    cut = []
    with answering(tmp_path / "s", proxy) as path:
        waiting = threading.Thread(target=lambda: cut.append(AdminSocket(path).drain(["api-1"], 0.0, 60)), daemon=True)
        waiting.start()
        until(lambda: "0xa1" not in proxy.sessions)
        assert "0xa2" in proxy.sessions
        del proxy.sessions["0xa2"]  # it is answered
        waiting.join(10)
    assert cut == [1]


def test_at_the_very_end_everything_is_cut(tmp_path: Path) -> None:
    proxy = Proxy(api_1=("UP", 0, "10.0.0.1:8000"))
    proxy.sessions = {"0xa2": ("api-1", -1)}
    with answering(tmp_path / "s", proxy) as path:
        assert AdminSocket(path).drain(["api-1"], 0.0, 0.0) == 1
    assert "shutdown sessions server api/api-1" in proxy.said


def test_one_that_haproxy_does_not_let_go_of_goes_on_serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.module_utils.haproxy.haproxy._CUT_BOUND", 0.2)
    proxy = Proxy(api_1=("UP", 9, "10.0.0.1:8000"))
    with (
        answering(tmp_path / "s", proxy) as path,
        pytest.raises(HostSideError, match="does not let go of api-1"),
    ):
        AdminSocket(path).drain(["api-1"], 0.0, 0.0)
    assert proxy.servers["api-1"][0] == "UP"


def test_servers_are_those_of_the_backend_alone_and_known_by_name_or_address(tmp_path: Path) -> None:
    proxy = Proxy(api_1=("UP", 2, "10.0.0.1:8000"), api_2=("DOWN", 0, "10.0.0.2:8000"))
    proxy.dynamic.add("api-2")
    with answering(tmp_path / "s", proxy) as path:
        admin = AdminSocket(path)
        assert {name: one.serving for name, one in admin.servers().items()} == {"api-1": True, "api-2": False}
        assert admin.unnamed() == ["api-2"]


def test_a_refusal_is_one_sentence(tmp_path: Path) -> None:
    proxy = Proxy()
    proxy.refusal = "'resolvers' option is not accepted for dynamic server\nmore"
    with answering(tmp_path / "s", proxy) as path, pytest.raises(HostSideError) as refused:
        AdminSocket(path).enter("api-2", "10.0.0.2", 8000, "check")
    assert str(refused.value) == (
        "The balancer refuses 'add server api/api-2': 'resolvers' option is not accepted for dynamic server"
    )


def test_where_nobody_answers_one_sentence_says_so(tmp_path: Path) -> None:
    admin = AdminSocket(str(tmp_path / "none"))
    assert not admin.answers
    with pytest.raises(HostSideError, match="The balancer does not answer"):
        admin.servers()
