"""The live part of a graph, told again with networkx: what the arrays of a pool are compared with."""

from __future__ import annotations

import networkx as nx

from search_spaces import LabelledGraph

ENDS = ("input", "output")


def live_part(graph: LabelledGraph) -> LabelledGraph:
    """The graph without the vertices and edges that no path from an input to an output uses, labelled ends kept.

    Sources and sinks take the place of a label that is absent. No path passes an input or output between its ends.
    """
    whole: nx.DiGraph[int] = nx.DiGraph()
    whole.add_nodes_from(range(len(graph)))
    whole.add_edges_from(edge for edge in graph.edges if edge[0] != edge[1])
    inputs = [vertex for vertex, op in enumerate(graph.ops) if op == "input"]
    outputs = [vertex for vertex, op in enumerate(graph.ops) if op == "output"]
    inputs = inputs or [vertex for vertex in whole if not whole.in_degree(vertex)]
    outputs = outputs or [vertex for vertex in whole if not whole.out_degree(vertex)]
    whole.remove_edges_from([edge for edge in whole.edges if edge[0] in outputs or edge[1] in inputs])
    reached = set(inputs).union(*(nx.descendants(whole, vertex) for vertex in inputs))
    reaching = set(outputs).union(*(nx.ancestors(whole, vertex) for vertex in outputs))
    alive = sorted((reached & reaching) | {vertex for vertex, op in enumerate(graph.ops) if op in ENDS})
    index = {vertex: place for place, vertex in enumerate(alive)}
    edges = [(tail, head) for tail, head in whole.edges if tail in reached and head in reaching]
    return LabelledGraph(
        ops=tuple(graph.ops[vertex] for vertex in alive),
        edges=tuple((index[tail], index[head]) for tail, head in edges),
        attributes={name: tuple(row[vertex] for vertex in alive) for name, row in graph.attributes.items()},
        info=graph.info,
    )
