"""Malformed genotypes: a reason for each, no traceback, no hang, bounded memory.

    python benchmarks/genotype_fuzz.py [--texts 100000] [--seed 0]

Valid texts of every space in the box are broken in many ways (characters and tokens changed, numbers huge or not
numbers, values of wrong types, cycles, repeated edges, deep nesting, bytes that are no UTF-8) and asked for as
`nasgen predict` asks: lines of a file, read by the space that a surrogate was saved with and by the one that each text
names. Some stay valid by luck, and are counted. Exits 1 if anything but a reason of one short line comes back, or if a
text takes longer than a second.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nasgen.errors import LONGEST_REASON
from nasgen.results.querying import graph_of_named_space, graphs_of_lines, graphs_of_space
from search_spaces import LabelledGraph, get_space

SPACES: Mapping[str, Mapping[str, Any]] = {"cnn": {"input_shape": (3, 32, 32)}, "nasbench201": {}}
LONGEST_SECONDS = 1.0
HUGE = ("1e999", "-1", "9" * 400, "NaN", "Infinity", "1e308", "0.5", "4294967296", "9223372036854775808")
WRONG: tuple[Any, ...] = (None, True, "text", 3.5, [], {}, [[]], {"a": 1}, -7, 10**30)

Rng = np.random.Generator
Breaker = Callable[[Rng, bytes], bytes]


def change_bytes(rng: Rng, text: bytes) -> bytes:
    """Some bytes are others."""
    raw = bytearray(text)
    for place in rng.integers(len(raw), size=rng.integers(1, 5)):
        raw[place] = rng.integers(256)
    return bytes(raw)


def cut(rng: Rng, text: bytes) -> bytes:
    """A piece is missing."""
    low, high = sorted(rng.integers(len(text) + 1, size=2))
    return text[:low] + text[high:]


def repeat(rng: Rng, text: bytes) -> bytes:
    """A piece stands there many times."""
    low, high = sorted(rng.integers(len(text) + 1, size=2))
    return text[:low] + text[low:high] * int(rng.integers(2, 50)) + text[high:]


def huge_number(rng: Rng, text: bytes) -> bytes:
    """A digit is a number that is none of a genotype's."""
    digits = [place for place, byte in enumerate(text) if chr(byte).isdigit()]
    place = digits[rng.integers(len(digits))]
    return text[:place] + str(rng.choice(HUGE)).encode() + text[place + 1 :]


def nest(rng: Rng, text: bytes) -> bytes:
    """Brackets within brackets, closed or not."""
    depth = int(rng.choice([10, 1000, 50_000]))
    closing = b"]" * depth if rng.random() < 0.5 else b""
    place = rng.integers(len(text) + 1)
    return text[:place] + b"[" * depth + closing + text[place:]


def wrong_type(rng: Rng, text: bytes) -> bytes:
    """A value somewhere in the JSON is of another type; texts that are no JSON are cut."""
    try:
        values = json.loads(text)
    except ValueError:
        return cut(rng, text)
    parent, key = values, str(rng.choice(list(values)))
    while isinstance(parent[key], list | dict) and parent[key] and rng.random() < 0.7:
        parent = parent[key]
        keys = list(parent) if isinstance(parent, dict) else range(len(parent))
        key = keys[rng.integers(len(keys))]
    parent[key] = WRONG[rng.integers(len(WRONG))]
    return json.dumps(values).encode()


def other_edges(rng: Rng, text: bytes) -> bytes:
    """Edges of another graph: cycles, loops, repeats, vertices that are not there, very many."""
    try:
        values = json.loads(text)
    except ValueError:
        return repeat(rng, text)
    n = len(values["ops"])
    count = int(rng.choice([1, 3, 1000]))
    more = [[int(end) for end in rng.integers(-1, n + 1, size=2)] for _ in range(count)]
    edges = values["edges"] + more if rng.random() < 0.5 else more
    values["edges"] = [edges[place] for place in rng.permutation(len(edges))]
    return json.dumps(values).encode()


def no_utf8(rng: Rng, text: bytes) -> bytes:
    """Bytes of another coding in between."""
    place = rng.integers(len(text) + 1)
    return text[:place] + bytes(rng.integers(128, 256, size=4).tolist()) + text[place:]


BREAKERS: tuple[Breaker, ...] = (
    change_bytes,
    cut,
    repeat,
    huge_number,
    nest,
    wrong_type,
    other_edges,
    no_utf8,
)


def is_a_reason(answer: object) -> bool:
    """Whether an answer is one line of text that a long genotype did not flood."""
    return isinstance(answer, str) and len(answer.splitlines()) == 1 and len(answer) <= LONGEST_REASON + len("...")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    answers: Counter[str] = Counter()
    slowest = 0.0
    for name, options in SPACES.items():
        space = get_space(name, **options)
        doors = {"its space": graphs_of_space(space), "the space it names": graph_of_named_space("genotypes.txt")}
        seeds = [space.encode(space.sample(rng)).encode() for _ in range(50)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "genotypes.txt"
            with path.open("wb") as lines:
                for _ in range(args.texts // len(SPACES)):
                    broken = BREAKERS[rng.integers(len(BREAKERS))](rng, seeds[rng.integers(len(seeds))])
                    lines.write(
                        broken.replace(b"\n", b" ").replace(b"\r", b" ").strip() + b"x"[: not broken.strip()] + b"\n"
                    )
            for door, graph_of in doors.items():
                began = time.perf_counter()
                for _, number, _, graph in graphs_of_lines([str(path)], graph_of):
                    now = time.perf_counter()
                    slowest, began = max(slowest, now - began), now
                    valid = isinstance(graph, LabelledGraph)
                    assert valid or is_a_reason(graph), f"line {number}: {graph!r}"
                    answers[f"{name}, read by {door}: {'valid' if valid else 'a reason'}"] += 1
        print(f"{name}: {args.texts // len(SPACES)} texts", flush=True)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for answer, count in sorted(answers.items()):
        print(f"{count:7} {answer}")
    print(f"slowest {1e3 * slowest:.0f} ms, memory at most {memory:.0f} MiB")
    if sum(answers.values()) != 2 * (args.texts // len(SPACES)) * len(SPACES) or slowest > LONGEST_SECONDS:
        sys.exit(1)


if __name__ == "__main__":
    main()
