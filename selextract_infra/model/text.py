"""Text that came from somewhere else, made fit to be shown: one place for it."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["displayable", "displayable_lines", "laid_out_text", "message_text"]

_TERMINAL_SEQUENCE = re.compile(
    r"""
    (?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]                 # CSI: colours, cursor, erase
    | (?:\x1b[PX^_\]]|[\x90\x98\x9d-\x9f]).*?(?:\x07|\x1b\\|\x9c|$)   # OSC, DCS, SOS, PM, APC up to their end
    | \x1b[ -/]*[0-~]                                # the short ones
    """,
    re.VERBOSE | re.DOTALL,
)
_MENTION = re.compile(r"(?<!\w)([@!#])(?=(?:here|channel|everyone|all|subteam)\b)", re.IGNORECASE)
_NO_MARKUP = str.maketrans({"<": "\u2039", ">": "\u203a", "`": "'", "*": "\u2217", "|": "\u00a6"})
_LONGEST_MESSAGE = 4000
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn")


def displayable(text: str, *, limit: int = 500) -> str:
    """One line without terminal sequences, control, bidirectional or invisible characters, at most ``limit`` long.

    For everything a host said before a person sees it: names, labels, messages, log lines. The data itself is kept as
    it is; only what is shown passes through here.
    """
    without_sequences = _TERMINAL_SEQUENCE.sub("", text[: limit * 50])
    visible = "".join(
        " " if character.isspace() else character
        for character in without_sequences
        if character.isspace() or unicodedata.category(character) not in _INVISIBLE
    )
    line = " ".join(visible.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def displayable_lines(text: str, *, limit: int = 4000) -> str:
    """``displayable`` for each line of a text of several."""
    return "\n".join(displayable(line, limit=limit) for line in text[: limit * 10].split("\n"))


def laid_out_text(text: str) -> str:
    """A text of ours with its lines and columns as they are, and nothing in it that a terminal would act on."""
    without_sequences = _TERMINAL_SEQUENCE.sub("", text)
    return "".join(
        character
        for character in without_sequences
        if character in "\n\t" or unicodedata.category(character) not in (*_INVISIBLE, "Zl", "Zp")
    )


def message_text(text: str) -> str:
    """A text for mail and chat: in none of them is any of it a link, a mention of everybody, or markup.

    Sentences quote what hosts said, and a chat reads ``<!channel>``, ``<https://...|a word>`` and ``@here`` as its own.
    """
    lines = displayable_lines(text).translate(_NO_MARKUP)
    return _MENTION.sub(r"\1 ", lines.replace("://", ": //").replace("](", "] ("))[:_LONGEST_MESSAGE]
