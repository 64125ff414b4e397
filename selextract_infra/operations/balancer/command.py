"""``balancer status``: who serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.flow.reachability import missing_hosts, refuse_blindness, refuse_missing
from selextract_infra.operations.balancer.show import show_traffic

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["status"]


def status(context: Context, form: Format) -> None:
    """Which instances serve, and whether Nginx leads to them."""
    observation = context.observe()
    refuse_blindness(observation)
    data = {host.name: host.traffic.model_dump(mode="json") for host in observation.hosts}
    emit(data, show_traffic(observation), form)
    refuse_missing(missing_hosts(observation))
