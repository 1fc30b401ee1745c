"""Words a person reads, in the two languages of the house."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["Language", "Text"]

Language = Literal["en", "ja"]


class Text(NamedTuple):
    """One message in English and Japanese.

    >>> Text("flood extent", "浸水域").in_("ja")
    '浸水域'
    """

    en: str
    ja: str

    def in_(self, language: Language) -> str:
        """Return the message in `language`."""
        return self.ja if language == "ja" else self.en

    def format(self, **values: object) -> Text:
        """Fill the placeholders of both languages."""
        return Text(self.en.format(**values), self.ja.format(**values))
