"""The one way in which host-side code says that something cannot be done."""

from __future__ import annotations

__all__ = ["HostSideError", "unwritten"]


class HostSideError(Exception):
    """One clear sentence for a person, and a ``kind`` that tells the control machine what sort of failure it is.

    Kinds: ``docker`` and ``state`` (the host is not prepared), ``usage`` (the call is wrong), ``locked``, ``fenced``
    (somebody else has taken the Run up since, so this holder changes nothing more), ``refused``
    (a rule forbids it; ``rule`` names it), ``compose`` (Compose rejects the app's files), ``gate`` (a check after a
    change failed), ``restore`` (putting back failed).
    """

    def __init__(self, sentence: str, *, kind: str, rule: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.kind = kind
        self.rule = rule

    def result(self) -> dict[str, str]:
        """What a module returns beside ``msg``."""
        return {"kind": self.kind, **({"rule": self.rule} if self.rule else {})}


def unwritten(problem: OSError) -> HostSideError:
    """What an ``OSError`` means for a person: the disk is full, or a file cannot be read or written."""
    reason = problem.strerror or str(problem) or type(problem).__name__
    return HostSideError(f"{problem.filename or 'A file'}: {reason}.", kind="state")
