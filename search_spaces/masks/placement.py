"""Placements: which input features each node owns.

The relational graphs of You, Leskovec, He, Xie 2020 give each node a slice of the features as they are numbered. Of an
image, what a hidden unit sees matters more than which unit it is: nodes may own compact patches here, numbered along a
space-filling curve, so that graphs that join near numbers (rings, small worlds) join near pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from search_spaces.masks.edges import Floats
from search_spaces.masks.genotype import Ints
from search_spaces.masks.relational import slices

Shape = tuple[int, ...]
Placement = Callable[[np.random.Generator, Shape, int, Floats | None], Ints]


def is_image(input_shape: Shape) -> bool:
    """Whether inputs have a height and a width: (C, H, W), neither of one pixel."""
    return len(input_shape) == 3 and min(input_shape[1:]) > 1


def coordinates(input_shape: Shape) -> Floats:
    """Row and column of every feature of an image, shape (features, 2); else the feature's number, (features, 1)."""
    if not is_image(input_shape):
        return np.arange(np.prod(input_shape), dtype=np.float64)[:, None]
    _, row, column = np.indices(input_shape)
    return np.stack([row.ravel(), column.ravel()], axis=1).astype(np.float64)


def centres(owners: Ints, nodes: int, input_shape: Shape) -> Floats:
    """The mean coordinates of what each node owns, shape (nodes, 1 or 2)."""
    counts = np.bincount(owners, minlength=nodes)
    sums = [np.bincount(owners, weights=axis, minlength=nodes) for axis in coordinates(input_shape).T]
    return np.stack(sums, axis=1) / counts[:, None]


def squared_distances(points: Floats) -> Floats:
    """Of every point to every other one, shape (points, points)."""
    return np.asarray(((points[:, None] - points[None]) ** 2).sum(axis=2))


def closed_curve(height: int, width: int) -> list[tuple[int, int]]:
    """Every (row, column) once, the next one always beside the last and the first beside the last one of all.

    It is two generalized Hilbert curves, one down and one up (J. Cerveny, "gilbert", for rectangles of any sides);
    where a side is odd there may be diagonal steps. Parts of the curve are compact.

    Raises
    ------
    ValueError
        Unless both sides are 2 or more.
    """
    if min(height, width) < 2:
        raise ValueError(f"a closed curve must have two rows and columns at least, found {height} x {width}")
    left = width // 2
    down = _hilbert(complex(left - 1, 0), complex(0, height), complex(-left, 0))
    up = _hilbert(complex(left, height - 1), complex(0, -height), complex(width - left, 0))
    return [(int(place.imag), int(place.real)) for half in (down, up) for place in half]


def _hilbert(start: complex, along: complex, across: complex) -> Iterator[complex]:
    """The cells of a rectangle of two sides, from a corner to the one at the end of ``along``."""
    long, short = round(abs(along)), round(abs(across))
    step, side = along / long, across / short
    if short == 1 or long == 1:
        yield from (start + number * (step if short == 1 else side) for number in range(max(long, short)))
    elif 2 * long > 3 * short:
        half = step * _even_half(long)
        yield from _hilbert(start, half, across)
        yield from _hilbert(start + half, along - half, across)
    else:
        half, wing = side * _even_half(short), step * (long // 2)
        yield from _hilbert(start, half, wing)
        yield from _hilbert(start + half, along, across - half)
        yield from _hilbert(start + along - step + half - side, -half, wing - along)


def _even_half(length: int) -> int:
    """Half of a length, an even number where there is room for one: curves then end where the next one starts."""
    half = length // 2
    return half + 1 if half % 2 and length > 2 else half


@cache
def _curve(input_shape: Shape) -> Ints:
    """All features along the closed curve, those of one pixel one after the other; their numbers if no image."""
    if not is_image(input_shape):
        return np.arange(np.prod(input_shape), dtype=np.int64)
    channels, height, width = input_shape
    pixels = [row * width + column for row, column in closed_curve(height, width)]
    return (np.array(pixels)[:, None] + np.arange(channels) * height * width).ravel()


def _contiguous(rng: np.random.Generator, input_shape: Shape, nodes: int, spread: Floats | None) -> Ints:
    return slices(int(np.prod(input_shape)), nodes, rng)


def _random(rng: np.random.Generator, input_shape: Shape, nodes: int, spread: Floats | None) -> Ints:
    return rng.permutation(slices(int(np.prod(input_shape)), nodes))


def _tiles(rng: np.random.Generator, input_shape: Shape, nodes: int, spread: Floats | None) -> Ints:
    """Equally many features a node, along the curve from a random start in a random direction."""
    order = _curve_from_anywhere(rng, input_shape)
    owners = np.empty(len(order), dtype=np.int64)
    owners[order] = slices(len(order), nodes)
    return owners


def _spread(rng: np.random.Generator, input_shape: Shape, nodes: int, spread: Floats | None) -> Ints:
    """About equal sums of spread a node, along the curve from a random start in a random direction."""
    if spread is None:
        raise ValueError("the placement 'spread' must have input_spread, one number an input feature, found none")
    order = _curve_from_anywhere(rng, input_shape)
    owners = np.empty(len(order), dtype=np.int64)
    owners[order] = equal_shares(spread[order], nodes)
    return owners


def _curve_from_anywhere(rng: np.random.Generator, input_shape: Shape) -> Ints:
    order = _curve(input_shape)
    if not is_image(input_shape):
        return order
    channels = input_shape[0]
    order = np.roll(order, channels * int(rng.integers(len(order) // channels)))
    return order[::-1] if rng.random() < 0.5 else order


def equal_shares(amounts: NDArray[np.float64], nodes: int) -> Ints:
    """The node of each of some amounts in a row, ascending, so that the sums of all nodes are about equal.

    Every node has one amount at least.
    """
    total = np.cumsum(amounts)
    starts = np.searchsorted(total, total[-1] * np.arange(nodes) / nodes, side="right")
    starts[0] = 0
    ahead = np.arange(nodes)
    starts = ahead + np.maximum.accumulate(starts - ahead)  # each starts behind the last one
    starts = np.minimum(starts, len(amounts) - nodes + ahead)  # and leaves as many as are to come
    return np.searchsorted(starts, np.arange(len(amounts)), side="right") - 1


#: By name; each takes the random generator, the shape of the inputs, the number of nodes, and the spread of each input
#: where it is known. Those along the curve take features as they are numbered where inputs are no images.
PLACEMENTS: Mapping[str, Placement] = {
    "contiguous": _contiguous,
    "random": _random,
    "tiles": _tiles,
    "spread": _spread,
}


def input_density(owners: Ints, spread: Floats, nodes: int) -> Floats:
    """The mean spread of the inputs that each node owns, shape (nodes,)."""
    return np.asarray(
        np.bincount(owners, spread, minlength=nodes) / np.maximum(np.bincount(owners, minlength=nodes), 1)
    )
