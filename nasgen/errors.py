"""What can go wrong with a run as a whole."""

from __future__ import annotations

LONGEST_REASON = 300


class InputError(ValueError):
    """What came from outside is unusable: one line that says what was expected, what was found, what to do.

    The command line prints it and exits with 2. Line breaks of what it quotes become spaces.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class ExecutorError(Exception):
    """Evaluations cannot run at all, whatever the candidate; the message says what is missing."""


class SearchSpaceExhaustedError(Exception):
    """No genotype is left that was not asked before; a run ends here, with what it has."""


def one_line(error: Exception) -> str:
    """What an error says, in one line that a long genotype does not flood."""
    text = " ".join(str(error).split())
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}..."
