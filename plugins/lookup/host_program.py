"""The program that carries steps out on hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: host_program
short_description: The program that carries steps out on hosts
version_added: "0.2.0"
description:
  - This collection's code for hosts as one file, for M(selextract.infra.host_program).
author: ["selextract-infra contributors"]
options: {}
"""

EXAMPLES = r"""
- name: Bring the program
  selextract.infra.host_program:
    digest: "{{ lookup('selextract.infra.host_program').digest }}"
    content: "{{ lookup('selextract.infra.host_program').content }}"
"""

RETURN = r"""
_raw:
  description: Its C(digest), and its C(content) in Base64.
  type: list
  elements: dict
"""

from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, _terms: list[str], **_given: object) -> list[dict[str, str]]:
        from selextract_infra.hosts.program import host_program

        program = host_program()
        return [{"digest": program.digest, "content": program.text}]
