"""The clock of a drill: no product before its observations were delivered and its own inputs were done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pystac

from mitoshi.workflows.drill import DRILL

EVENT = datetime(2026, 10, 12, tzinfo=UTC)


def item(time, end=None):
    span = {} if end is None else {"start_datetime": time.isoformat(), "end_datetime": end.isoformat()}
    return pystac.Item("a", None, None, time, span)


def test_work_begins_when_the_last_observation_was_delivered():
    image, before = item(EVENT + timedelta(hours=20)), item(EVENT - timedelta(days=12))
    sources = {"after": [image], "before": [before], "elevation": "dem.tif"}
    assert DRILL.begins(EVENT, sources, ()) == EVENT + timedelta(hours=23)


def test_work_waits_for_the_products_that_it_stands_on():
    done = EVENT + timedelta(hours=30)
    assert DRILL.begins(EVENT, {"flood": "flood/flood.tif"}, (done,)) == done


def test_what_states_no_time_and_what_was_there_before_delays_nothing():
    always = item(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))
    sources = {"buildings": [always], "elevation": [item(EVENT - timedelta(days=500))]}
    assert DRILL.begins(EVENT, sources, ()) == EVENT
