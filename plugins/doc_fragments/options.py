"""Options that several modules have; C(plugins/module_utils/state/options.py) has their specification."""

from __future__ import annotations


class ModuleDocFragment:
    STATE = r"""
options:
  state_folder:
    description: Where the state of this collection is on the host.
    type: path
    default: /var/lib/selextract-infra
"""

    DOCKER = r"""
options:
  docker_socket:
    description: Docker's socket.
    type: path
    default: /var/run/docker.sock
"""

    CLAIM = r"""
options:
  owner:
    description: Who works, as others shall read it.
    type: str
    default: somebody unknown
  purpose:
    description: What for, in a few words.
    type: str
    default: no purpose given
  operation:
    description: Name of the operation.
    type: str
    default: by hand
  lease_seconds:
    description: How long the next step may take at most.
    type: float
    default: 600
  identity:
    description:
      - Which process works, by the machine-id, the boot and the process ID with its start time, so that its own machine
        can tell that it is gone.
      - The holder itself is known by the token in C(SELEXTRACT_INFRA_HOLDER) in the environment of the task.
    type: dict
    default: {}
  run:
    description:
      - Also begins the Run on this host, where the lock is taken; what it is about, for whoever has to resume it.
      - Ends with the lock given back.
    type: dict
    suboptions:
      plan_digest: {description: Digest of the Plan., type: str}
      policy_digest: {description: Digest of the policy., type: str}
      plan: {description: The whole Plan., type: dict}
"""

    STEP = r"""
options:
  run_id:
    description: ID of the Run, which holds the lock.
    type: str
    required: true
  step_id:
    description: ID of the step.
    type: str
    required: true
"""

    STEP_IF_PRESENT = r"""
options:
  run_id:
    description: ID of the Run, which holds the lock. Required with O(state=present).
    type: str
  step_id:
    description: ID of the step. Required with O(state=present).
    type: str
"""

    SERVER = r"""
options:
  project:
    description: The Compose project of the database server.
    type: str
    required: true
  service:
    description: Its service.
    type: str
    required: true
  superuser:
    description: The role to work as, inside the container.
    type: str
    default: postgres
  socket:
    description: The folder of the server's Unix socket in its container; by default psql's own.
    type: path
"""

    DATABASES = r"""
options:
  databases:
    description: The database servers, each the only container of its service.
    type: list
    elements: dict
    default: []
    suboptions:
      service:
        description: The Compose service.
        type: str
        required: true
      superuser:
        description: The role to work as, inside the container.
        type: str
        default: postgres
      socket:
        description: The folder of the server's Unix socket in its container; by default psql's own.
        type: path
"""
