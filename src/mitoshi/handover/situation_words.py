"""The words of the situation report, and its clock as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mitoshi.core.text import Text
from mitoshi.evidence.wording import THIN, moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mitoshi.core.text import Language
    from mitoshi.handover.situation import ClockRow

__all__ = ["CAVEATS", "CLOCK", "EVIDENCE", "PAGE", "SIMULATED", "SOURCES", "clock_rows", "elapsed"]

SIMULATED = Text("SIMULATED / 訓練 — not a real disaster", "訓練・模擬（シミュレーション）― 実際の災害ではありません")
PAGE = Text("page {} of {}", "{}／{}ページ")
CLOCK = Text("Clock: when each product was ready", "各プロダクトの完成時刻")
CAVEATS = Text("Limits of these numbers", "数値の限界と注意")
SOURCES = Text("Sources", "出典")
EVIDENCE = Text("Evidence, and how to check it yourself", "証跡と再計算による検証")
CLOCK_HEAD = (
    Text("product", "プロダクト"),
    Text("after the event", "発災からの経過"),
    Text("ready", "完成時刻"),
    Text("note", "備考"),
)
NOT_YET = Text("not available", "未完成")


def elapsed(seconds: float, language: Language) -> str:
    r"""Return a time after the event.

    >>> elapsed(10_583.0, "en").replace("\u202f", " "), elapsed(83.0, "ja").replace("\u202f", " ")
    ('T+ 2 h 56 min', 'T+ 1分23秒')
    """
    whole = round(abs(seconds))
    sign = "T+" if seconds >= 0 else "T−"
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours >= 1:
        words = Text(f"{hours}{THIN}h {minutes}{THIN}min", f"{hours}時間{minutes}分")
    elif minutes >= 1:
        words = Text(f"{minutes}{THIN}min {rest}{THIN}s", f"{minutes}分{rest}秒")
    else:
        words = Text(f"{rest}{THIN}s", f"{rest}秒")
    return f"{sign}{THIN}{words.in_(language)}"


def clock_rows(rows: Sequence[ClockRow], language: Language) -> tuple[list[str], list[list[str]]]:
    """Return head and cells of the clock."""
    cells = []
    for row in rows:
        after = NOT_YET.in_(language) if row.after_s is None else elapsed(row.after_s, language)
        ready = "" if row.at is None else moment(row.at, language)
        cells.append([row.product.in_(language), after, ready, "" if row.note is None else row.note.in_(language)])
    return [h.in_(language) for h in CLOCK_HEAD], cells
