"""Put the Ansible collection into the wheel, but not into an editable install: there the checkout itself is used."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PARTS = ("galaxy.yml", "meta/runtime.yml", "playbooks", "plugins", "roles")


class CollectionHook(BuildHookInterface[Any]):
    """Adds the collection's folders to what the wheel contains."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds; ``version`` is ``editable`` for an editable install."""
        if version != "editable":
            build_data["force_include"].update({part: f"ansible_collections/selextract/infra/{part}" for part in PARTS})
