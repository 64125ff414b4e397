"""A host is named as for ssh; what is left open is for ssh's own configuration."""

from __future__ import annotations

import pytest

from selextract_infra.errors import UsageError
from selextract_infra.operations.init.target import Target, read_target


@pytest.mark.parametrize(
    ("text", "target", "name", "ssh"),
    [
        ("shop", Target("shop"), "shop", "ssh shop"),
        ("ops@shop.example", Target("shop.example", "ops"), "shop.example", "ssh ops@shop.example"),
        ("203.0.113.10:2222", Target("203.0.113.10", None, 2222), "203.0.113.10", "ssh -p 2222 203.0.113.10"),
        ("ssh://ops@shop:22", Target("shop", "ops", 22), "shop", "ssh -p 22 ops@shop"),
        ("2001:db8::1", Target("2001:db8::1"), "2001-db8-1", "ssh 2001:db8::1"),
        ("ops@[2001:db8::1]:22", Target("2001:db8::1", "ops", 22), "2001-db8-1", "ssh -p 22 ops@2001:db8::1"),
        ("fe80::1%eth0", Target("fe80::1%eth0"), "fe80-1-eth0", "ssh fe80::1%eth0"),
    ],
)
def test_user_host_and_port_are_read(text: str, target: Target, name: str, ssh: str) -> None:
    read = read_target(text)
    assert (read, read.name, read.ssh) == (target, name, ssh)


@pytest.mark.parametrize(
    "text", ["", "@", "ops@", "-oProxyCommand=x", "a b", "ops@-x", "{{ x }}", "$(x)", "a/b", "::x"]
)
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no host"):
        read_target(text)


@pytest.mark.parametrize("text", ["shop:0", "shop:65536", "shop:x", "[::1]:70000"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no port"):
        read_target(text)
