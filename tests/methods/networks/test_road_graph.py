"""Graphs whose junctions, components and ways can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from shapely.geometry import LineString, MultiLineString

from mitoshi.core.errors import InputError
from mitoshi.methods.networks.reach import components, nearest_nodes, path, reached, ways_to
from mitoshi.methods.networks.road_graph import road_graph, sampled, with_stops


def graph_of(*lines):
    return road_graph(np.array(lines, object), 0.01)


def node_at(graph, x, y):
    return int(nearest_nodes(graph, np.array([[x, y]]), 0.01)[0])


def test_a_t_junction_cuts_the_line_that_passes():
    graph = graph_of(LineString([(0, 0), (10, 0), (20, 0)]), LineString([(10, 0), (10, 7)]))
    assert len(graph.nodes) == 4
    assert graph.size == 3
    assert_allclose(np.sort(graph.length), [7, 10, 10])
    assert_array_equal(graph.source, [0, 0, 1])


def test_lines_that_cross_without_a_common_vertex_are_not_joined():
    graph = graph_of(LineString([(0, 0), (10, 0)]), LineString([(5, -5), (5, 5)]))
    assert graph.size == 2
    assert len(set(components(graph, np.ones(2, bool)))) == 2


def test_parts_repeats_and_points_of_no_length():
    graph = graph_of(
        MultiLineString([[(0, 0), (0, 0), (3, 4)], [(3, 4), (3, 10)]]), LineString([(50, 50), (50, 50.001)])
    )
    assert_allclose(graph.length, [5, 6])
    assert len(set(components(graph, np.ones(2, bool)))) == 1


def test_a_closed_loop_keeps_its_length():
    graph = graph_of(LineString([(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)]))
    assert graph.length.sum() == pytest.approx(40)


def test_the_way_round_when_the_bridge_is_closed():
    """A square of side 10 with the village at one corner: 10 m by the bridge, 30 m round."""
    bridge, one, two, three = (
        LineString([(0, 0), (4, 0), (10, 0)]),
        LineString([(0, 0), (0, 10)]),
        LineString([(0, 10), (10, 10)]),
        LineString([(10, 10), (10, 0)]),
    )
    graph = graph_of(bridge, one, two, three)
    village, hospital = node_at(graph, 0, 0), node_at(graph, 10, 0)
    goals = np.array([hospital])
    everything = np.ones(4, bool)
    assert ways_to(graph, everything, goals).length[village] == pytest.approx(10)
    assert_allclose(path(graph, ways_to(graph, everything, goals), village), [(0, 0), (4, 0), (10, 0)])
    closed = everything & (graph.source != 0)
    ways = ways_to(graph, closed, goals)
    assert ways.length[village] == pytest.approx(30)
    assert_allclose(path(graph, ways, village), [(0, 0), (0, 10), (10, 10), (10, 0)])
    cut = closed & (graph.source != 2)
    assert not reached(graph, cut, goals)[village]
    assert np.isinf(ways_to(graph, cut, goals).length[village])
    assert path(graph, ways_to(graph, cut, goals), village).shape == (0, 2)


def test_of_two_parallel_roads_the_shorter_is_taken():
    graph = graph_of(LineString([(0, 0), (10, 0)]), LineString([(0, 0), (5, 8), (10, 0)]))
    goals = np.array([node_at(graph, 10, 0)])
    start = node_at(graph, 0, 0)
    assert ways_to(graph, np.ones(2, bool), goals).length[start] == pytest.approx(10)
    ways = ways_to(graph, np.array([False, True]), goals)
    assert ways.length[start] == pytest.approx(2 * np.hypot(5, 8))
    assert len(path(graph, ways, start)) == 3


def test_ways_agree_with_a_plain_search_on_a_random_grid():
    rng = np.random.default_rng(3)
    lines = [LineString([(x, y), (x + 1, y)]) for x in range(8) for y in range(8)]
    lines += [LineString([(x, y), (x, y + 1)]) for x in range(8) for y in range(8)]
    graph = graph_of(*lines)
    open_pieces = rng.uniform(size=graph.size) < 0.7
    goals = np.array([node_at(graph, 4, 4)])
    distance = {int(goals[0]): 0.0}
    frontier = [int(goals[0])]
    while frontier:  # all pieces are 1 long: breadth first is shortest
        following = []
        for node in frontier:
            for piece in np.flatnonzero(open_pieces & ((graph.start == node) | (graph.end == node))):
                other = int(graph.start[piece] + graph.end[piece] - node)
                if other not in distance:
                    distance[other] = distance[node] + 1
                    following.append(other)
        frontier = following
    expected = [distance.get(n, np.inf) for n in range(len(graph.nodes))]
    assert_allclose(ways_to(graph, open_pieces, goals).length, expected)
    assert_array_equal(reached(graph, open_pieces, goals), np.isfinite(expected))


def test_samples_are_close_and_include_the_ends():
    graph = graph_of(LineString([(0, 0), (10, 0)]), LineString([(10, 0), (10, 1)]))
    found = sampled(graph, 3.0)
    assert_array_equal(np.unique(found.piece), [0, 1])
    for piece in (0, 1):
        along = found.points[found.piece == piece]
        assert (np.hypot(*np.diff(along, axis=0).T) <= 3.0 + 1e-9).all()
        assert_allclose(along[[0, -1]], graph.points[[graph.begin[piece], graph.begin[piece + 1] - 1]])


def test_a_village_beside_a_long_road_joins_it_where_it_is_nearest():
    """A road of 10 km with a bend; the village lies 100 m off it at 2.5 km, another too far from any road."""
    lines = np.array([LineString([(0, 0), (5000, 0), (5000, 5000)]), LineString([(9000, 0), (9000, 10)])], object)
    found, stops = with_stops(lines, np.array([[2500.0, 100.0], [2500.0, 900.0], [5050.0, 1000.0]]), 300.0)
    assert_allclose(stops, [(2500, 0), (5000, 1000)])
    graph = road_graph(found, 0.5, stops)
    assert_allclose(np.sort(graph.length), [10, 2500, 3500, 4000])
    assert_allclose(found[0].length, 10_000)
    end = np.array([node_at(graph, 0, 0)])
    assert ways_to(graph, np.ones(graph.size, bool), end).length[node_at(graph, 2500, 0)] == pytest.approx(2500)
    assert nearest_nodes(graph, np.array([[2500.0, 100.0]]), 300.0)[0] == node_at(graph, 2500, 0)


def test_stops_on_parts_of_a_line_and_at_its_ends():
    lines = np.array([MultiLineString([[(0, 0), (10, 0)], [(20, 0), (30, 0)]])], object)
    found, stops = with_stops(lines, np.array([[25.0, 1.0], [-5.0, 0.0]]), 100.0)
    graph = road_graph(found, 0.01, stops)
    assert_allclose(np.sort(graph.length), [5, 5, 10])
    assert len(graph.nodes) == 5
    nothing, none = with_stops(np.zeros(0, object), np.zeros((2, 2)), 1.0)
    assert nothing.size == 0
    assert none.shape == (0, 2)


def test_no_roads_and_a_tolerance_of_nothing():
    empty = graph_of()
    assert empty.size == 0
    assert components(empty, np.zeros(0, bool)).size == 0
    assert sampled(empty, 1.0).piece.size == 0
    assert_array_equal(nearest_nodes(empty, np.zeros((2, 2)), 5.0), [-1, -1])
    with pytest.raises(InputError, match="tolerance"):
        road_graph(np.array([LineString([(0, 0), (1, 0)])], object), 0.0)
