"""Why a SIP4D-ZIP is accepted or rejected: one reason for each thing to mend, said once however often it occurs."""

from __future__ import annotations

from typing import Literal, NamedTuple

from mitoshi.core.text import Text

__all__ = ["Findings", "Reason", "Severity", "Verdict"]

Severity = Literal["error", "warning"]

MOST_REASONS = 200  # distinct ones; a package with more is broken throughout
OCCURRENCES = Text("{} ({} times, first at {})", "{}（{}か所、最初は{}）")
AT = Text("{} ({})", "{}（{}）")


class Reason(NamedTuple):
    """One thing that is wrong, or unwise.

    Attributes
    ----------
    code
        Machine name, such as ``bom`` or ``mixed_geometry``.
    file
        Member of the package, or "" where the package itself is meant.
    message
        What is wrong and what to do.
    severity
        An error rejects the package; a warning does not.
    """

    code: str
    file: str
    message: Text
    severity: Severity = "error"


class Verdict(NamedTuple):
    """What the check of a package says.

    Attributes
    ----------
    accepted
        Whether there is no error.
    reasons
        Errors and warnings in the order in which they were found.
    version, code, title
        As the metadata state them; "" where they could not be read.
    features
        Number of features read.
    """

    accepted: bool
    reasons: tuple[Reason, ...]
    version: str = ""
    code: str = ""
    title: str = ""
    features: int = 0

    @property
    def errors(self) -> tuple[Reason, ...]:
        """The reasons for a rejection."""
        return tuple(r for r in self.reasons if r.severity == "error")


class Findings:
    """Collects reasons; what occurs many times is counted instead of repeated."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, Text, Severity], tuple[int, str]] = {}

    def error(self, code: str, file: str, message: Text, where: str = "") -> None:
        """Note an error; `where` is the place within the file of this occurrence."""
        self._add(code, file, message, where, "error")

    def warn(self, code: str, file: str, message: Text, where: str = "") -> None:
        """Note a warning."""
        self._add(code, file, message, where, "warning")

    def _add(self, code: str, file: str, message: Text, where: str, severity: Severity) -> None:
        key = (code, file, message, severity)
        count, first = self._found.get(key, (0, where))
        if count or len(self._found) < MOST_REASONS:
            self._found[key] = (count + 1, first)

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return any(severity == "error" for *_, severity in self._found)

    def reasons(self) -> tuple[Reason, ...]:
        """Return what was found, each reason once."""
        return tuple(
            Reason(code, file, _counted(message, count, first), severity)
            for (code, file, message, severity), (count, first) in self._found.items()
        )


def _counted(message: Text, count: int, first: str) -> Text:
    if not first:
        return message
    if count == 1:
        return Text(AT.en.format(message.en, first), AT.ja.format(message.ja, first))
    return Text(OCCURRENCES.en.format(message.en, count, first), OCCURRENCES.ja.format(message.ja, count, first))
