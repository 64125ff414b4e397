"""One sentence for each way in which an inventory is none; the texts are Ansible's, word for word."""

from __future__ import annotations

from pathlib import Path

from selextract_infra.hosts.inventory_complaint import complaint

BY_SCRIPT = """\
[WARNING]: Failed to parse inventory with 'script' plugin: Inventory script returned non-zero exit code 3.

[WARNING]: Failed to parse inventory with 'ini' plugin: Failed to parse inventory: Expected key=value, got: 3

[ERROR]: Completely failed to parse inventory source {path}
"""
VAULT = "[ERROR]: Attempting to decrypt but no vault secrets found.\n"


def test_a_script_is_told_by_what_the_script_did(tmp_path: Path) -> None:
    script = tmp_path / "inventory.sh"
    script.touch(mode=0o755)
    told = complaint(script, None, BY_SCRIPT.format(path=script))
    assert told == f"The inventory {script} cannot be read: Inventory script returned non-zero exit code 3."


def test_a_text_file_is_told_by_what_is_wrong_in_it(tmp_path: Path) -> None:
    text = tmp_path / "hosts"
    text.touch(mode=0o644)
    assert "Expected key=value, got: 3" in complaint(text, None, BY_SCRIPT.format(path=text))


def test_a_vault_without_a_password_is_told(tmp_path: Path) -> None:
    assert complaint(tmp_path, None, VAULT).endswith("Attempting to decrypt but no vault secrets found.")


def test_a_limit_that_matches_nothing_is_told_with_the_limit(tmp_path: Path) -> None:
    said = "[ERROR]: Specified inventory, host pattern and/or --limit leaves us with no hosts to target."
    assert complaint(tmp_path, "db9", said) == f"No host in {tmp_path} matches 'db9', so there is nothing to work on."
