"""The clock of a drill: when a product of simulated observations would have been there.

A simulated event has no real clock: what the computer's says is when somebody pressed a key. A product begins when the last of
its observations has been delivered and the products that it is made of are done, and takes a stated time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DRILL", "Drill"]


@dataclass(frozen=True)
class Drill:
    """How long things take in a drill.

    Attributes
    ----------
    delivery
        From the end of an observation to its delivery. Sentinel-1's near-real-time products are delivered within three hours of
        sensing (Sentinel-1 product specification, timeliness NRT-3h): an assumption for every simulated sensor.
    processing
        From the delivery to the product: an assumption, so that the same drill has the same clock on every computer.
    """

    delivery: timedelta = timedelta(hours=3)
    processing: timedelta = timedelta(minutes=2)

    def begins(self, event: datetime, sources: Mapping[str, Any], made: Iterable[datetime]) -> datetime:
        """Return when the work on a product begins.

        Parameters
        ----------
        event
            Before which nobody asks for it.
        sources
            Data argument to the items of the catalogue that answer it; anything else is at hand.
        made
            When the products were done of which it is made.
        """
        items = [item for found in sources.values() if isinstance(found, list) for item in found]
        seen = [t for t in map(_observed, items) if t is not None]
        return max([event, *made, *(t + self.delivery for t in seen)])


def _observed(item: Any) -> datetime | None:
    """Return the last instant of an item; None where it states none."""
    time: datetime | None = item.common_metadata.end_datetime or item.datetime
    return None if time is None or time.year in (MINYEAR, MAXYEAR) else time


DRILL = Drill()
