from __future__ import annotations

import gzip
from collections import Counter, defaultdict
from csv import DictReader
from pathlib import Path

import numpy as np
import pytest
from contracts.live_part import live_part

from search_spaces import FiniteSpace, get_space
from search_spaces.canonical import canonical_key
from search_spaces.nasbench201 import EDGES, OPS, Cell, NasBench201Space

SPACE = NasBench201Space()
TEXT = "|nor_conv_1x1~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|skip_connect~1|avg_pool_3x3~2|"


def cell(**ops: str) -> Cell:
    """A cell by its edges: ``cell(e01="skip_connect")``; the others are none."""
    return Cell(tuple(ops.get(f"e{tail}{head}", "none") for tail, head in EDGES))


def function_of(ops: tuple[str, ...], drop_zeros: bool) -> str:
    """What the last node computes, sums unordered and skips left out; as the authors write it without drop_zeros."""
    nodes = ["0"]
    for node in (1, 2, 3):
        terms = []
        for (tail, head), op in zip(EDGES, ops, strict=True):
            if head == node:
                zero = op == "none" or nodes[tail] == "#"
                terms.append("#" if zero else nodes[tail] if op == "skip_connect" else f"({nodes[tail]})@{op}")
        if drop_zeros:
            terms = [term for term in terms if term != "#"] or ["#"]
        nodes.append("+".join(sorted(terms)))
    return nodes[-1]


def test_is_a_finite_space_by_name() -> None:
    assert isinstance(get_space("nasbench201"), FiniteSpace)
    assert SPACE.options() == {}


def test_all_cells_are_listed_once_and_keep_their_text() -> None:
    cells = list(SPACE.genotypes())
    texts = [SPACE.encode(each) for each in cells]
    assert len(set(texts)) == 15_625
    assert all(SPACE.decode(text) == each for text, each in zip(texts[::50], cells[::50], strict=True))


def test_text_is_the_published_one() -> None:
    ops = ("nor_conv_1x1", "skip_connect", "nor_conv_1x1", "none", "skip_connect", "avg_pool_3x3")
    assert SPACE.decode(TEXT) == Cell(ops)
    assert SPACE.encode(Cell(ops)) == TEXT


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "found 0"),
        (TEXT + "\n", "its operations read"),
        (TEXT.replace("avg_pool_3x3", "max_pool_3x3"), "edge 2->3 must hold one of"),
        (TEXT.replace("~2", "~1"), "its operations read"),
        (TEXT.replace("+", ""), "its operations read"),
        (TEXT[:-16], "found 5"),
    ],
)
def test_unreadable_texts_are_refused_with_the_reason(text: str, found: str) -> None:
    with pytest.raises(ValueError, match="a NAS-Bench-201 cell is written like") as caught:
        SPACE.decode(text)
    assert found in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", [None, 3, b"|none~0|", [TEXT], "|none~0|" * 10_000, "x" * 1_000_000])
def test_only_short_text_is_decoded_and_repeated(text: object) -> None:
    with pytest.raises(ValueError, match="a NAS-Bench-201 cell is written like") as caught:
        SPACE.decode(text)  # type: ignore[arg-type]  # other values than text are the matter here
    assert len(str(caught.value)) < 500
    assert repr(text)[:30] in str(caught.value)


def test_samples_are_uniform_over_the_ops() -> None:
    rng = np.random.default_rng(0)
    counts = Counter(op for _ in range(1000) for op in SPACE.sample(rng).ops)
    assert all(1080 < counts[op] < 1320 for op in OPS)  # 1200 expected, sd 31


def test_mutation_changes_one_edge() -> None:
    rng = np.random.default_rng(0)
    parent = SPACE.decode(TEXT)
    seen = set()
    for _ in range(400):
        child = SPACE.mutate(rng, parent).children[0]
        changed = [edge for edge in range(6) if child.ops[edge] != parent.ops[edge]]
        assert len(changed) == 1
        seen.add(child)
    assert len(seen) == 24


def test_crossover_shares_out_the_differing_edges() -> None:
    rng = np.random.default_rng(0)
    first, second = Cell(("none",) * 6), Cell(("none", *("skip_connect",) * 5))
    seen = set()
    for _ in range(300):
        one, other = SPACE.crossover(rng, first, second).children
        assert [set(pair) for pair in zip(one.ops, other.ops, strict=True)] == [
            set(pair) for pair in zip(first.ops, second.ops, strict=True)
        ]
        assert not {one, other} & {first, second}
        seen.add(one)
    assert len(seen) == 2**5 - 2


def test_crossover_of_near_equals_says_why_not() -> None:
    first, second = cell(e01="skip_connect"), cell(e01="avg_pool_3x3")
    offspring = SPACE.crossover(np.random.default_rng(0), first, second)
    assert offspring.children == (first, second)
    assert "fewer than two" in offspring.reason


def test_graph_has_a_vertex_for_each_operation() -> None:
    graph = SPACE.to_graph(cell(e01="nor_conv_3x3", e12="avg_pool_3x3", e13="skip_connect", e03="nor_conv_1x1"))
    assert graph.ops == ("input", "nor_conv_3x3", "avg_pool_3x3", "nor_conv_1x1", "skip_connect", "output")
    assert set(graph.edges) == {(0, 1), (1, 2), (1, 4), (0, 3), (3, 5), (4, 5)}
    assert not graph.info


def test_keys_forget_dead_parts_and_the_order_of_inner_nodes() -> None:
    straight = cell(e03="nor_conv_3x3")
    assert SPACE.key(straight) == SPACE.key(cell(e03="nor_conv_3x3", e01="skip_connect", e12="skip_connect"))
    through_one = cell(e01="nor_conv_3x3", e13="avg_pool_3x3")
    assert SPACE.key(through_one) == SPACE.key(cell(e02="nor_conv_3x3", e23="avg_pool_3x3", e12="skip_connect"))
    keys = [straight, through_one, cell(e01="avg_pool_3x3", e13="nor_conv_3x3"), cell(e01="none")]
    assert len({SPACE.key(each) for each in keys}) == 4


def test_keys_are_equal_exactly_when_live_graphs_are_isomorphic() -> None:
    by_key: dict[str, set[str]] = defaultdict(set)
    for each in list(SPACE.genotypes())[::11]:
        live = live_part(SPACE.to_graph(each))
        by_key[SPACE.key(each)].add(canonical_key(live.ops, live.edges))
    assert all(len(forms) == 1 for forms in by_key.values())
    assert len({form for forms in by_key.values() for form in forms}) == len(by_key)


def test_cells_of_a_key_compute_the_same_function() -> None:
    functions: dict[str, set[str]] = defaultdict(set)
    for each in SPACE.genotypes():
        functions[SPACE.key(each)].add(function_of(each.ops, drop_zeros=True))
    assert len(functions) == 8765
    assert all(len(found) == 1 for found in functions.values())


@pytest.mark.data
def test_published_classes_contract_skips_beyond_the_keys(data_folder: Path) -> None:
    with gzip.open(data_folder / "nb201.csv.gz", "rt", encoding="utf-8") as file:
        rows = [(SPACE.decode(row["arch_str"]), row["rep_index"]) for row in DictReader(file)]
    assert len({each for each, _ in rows}) == 15_625
    published = {(function_of(each.ops, drop_zeros=False), index) for each, index in rows}
    assert len(published) == len({index for _, index in rows}) == 6466
    # With zeros dropped wherever they arise, a published class never splits, so that keys never contradict it.
    assert len({(function_of(each.ops, drop_zeros=True), index) for each, index in rows}) == 6466
