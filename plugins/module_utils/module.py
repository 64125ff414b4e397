"""The frame all modules of this collection share: a failure becomes one sentence, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils import basic

from .state.act import Act
from .state.options import Options
from .system.failure import HostSideError, unwritten

__all__ = ["run", "run_act"]


def run(work: Callable[[Any], dict[str, Any]], options: Options, **rules: Any) -> None:
    """Do a module's work and leave with its result, or with the sentence of the ``HostSideError`` it raised.

    That the disk is full may be found at any file, so an ``OSError`` is such a sentence too.

    ``rules`` are those of ``AnsibleModule``, such as ``required_if``. Every module of ours has a check mode.
    """
    module = basic.AnsibleModule(argument_spec=options, supports_check_mode=True, **rules)
    try:
        result = work(module)
    except HostSideError as failure:
        module.fail_json(msg=failure.sentence, **failure.result())
    except OSError as problem:
        full = unwritten(problem)
        module.fail_json(msg=full.sentence, **full.result())
    module.exit_json(**result)


def run_act(act: Act) -> None:
    """Be the module of that act."""
    run(act.do, act.options, **act.rules)
