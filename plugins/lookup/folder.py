"""The text files of a folder on the control machine."""

from __future__ import annotations

DOCUMENTATION = r"""
name: folder
short_description: The text files of a folder
version_added: "0.1.0"
description:
  - By path below it, the text of each file in a folder of the control machine.
author: ["selextract-infra contributors"]
options:
  _terms:
    description: The folders.
    required: true
"""

EXAMPLES = r"""
- name: Install the program
  selextract.infra.program_files:
    path: /usr/local/lib/selextract-infra/selextract_sampler
    files: "{{ lookup('selextract.infra.folder', role_path ~ '/files/selextract_sampler') }}"
"""

RETURN = r"""
_raw:
  description: A mapping for each folder.
  type: list
  elements: dict
"""

from pathlib import Path

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms: list[str], **_given: object) -> list[dict[str, str]]:
        return [_files(Path(str(term))) for term in terms]


def _files(folder: Path) -> dict[str, str]:
    try:
        folder.stat()
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
        return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files}
    except (OSError, UnicodeDecodeError) as problem:
        raise AnsibleError(f"The folder {folder} cannot be read: {problem}.") from problem
