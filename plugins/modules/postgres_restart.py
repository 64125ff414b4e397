#!/usr/bin/python
"""Restart a Postgres server and see it at work again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_restart
short_description: Restart a Postgres server in a container
version_added: "0.1.0"
description:
  - The container goes on with the configuration it has; nothing is created anew. Succeeds once the server answers, is
    what it was before, primary or standby, and nothing waits for a restart any more.
author: ["selextract-infra contributors"]
options:
  pooled_project:
    description: The Compose project of the app whose PgBouncer, where there is one, holds transactions back meanwhile.
    type: str
  bound_seconds:
    description: How long it may take to answer again.
    type: float
    default: 180
extends_documentation_fragment:
  - selextract.infra.options.server
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Restart the server
  selextract.infra.postgres_restart:
    project: selextract
    service: postgres
    run_id: 20260301T020000-9f3ac1
    step_id: restart-app1
"""

RETURN = r"""
silent_seconds: {description: For how long the server did not answer., type: float, returned: success}
"""

from ..module_utils.module import run_act
from ..module_utils.postgres.restart import POSTGRES_RESTART


def main() -> None:
    run_act(POSTGRES_RESTART)


if __name__ == "__main__":
    main()
