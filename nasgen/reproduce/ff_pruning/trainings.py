"""Which trainings there are, and their results from the journal or from the cores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasgen.jobs.journal import FILE, Journal
from nasgen.pruning.schedule import FixedSize, Geometric, OneShot, Relative
from nasgen.reproduce.ff_pruning.experiments import LARGE, METHODS, Dense, Place, Pruned, prune_dense, train_dense
from nasgen.reproduce.ff_pruning.regularised import KINDS, Regularised, train_regularised
from nasgen.reproduce.mnist import check_mnist
from nasgen.reproduce.request import Request

SEEDS = range(5)
FEW = range(2)
"""Seeds of what the paper shows in passing."""

HEADLINE_RATES = (0.8, 0.9, 0.95, 0.98)
HEADLINE_STEPS = 3
ONE_SHOT_RATES = (0.8, 0.85, 0.9)
ONE_SHOT_EPOCHS = 25
OTHER_RATES = (0.25, 0.4, 0.6, 0.7)
SIZES = (10_000, 5_000, 1_000)
SCRATCH_RATE = 0.9

Results = Mapping[Any, Any]
"""What came of each unit."""


def dense_units() -> list[Dense]:
    """The networks that pruning starts from, the dearest first."""
    return [
        *(Dense(LARGE, seed) for seed in FEW),
        *(Dense(seed=seed) for seed in SEEDS),
        *(Dense(seed=seed, ours=True) for seed in SEEDS),
    ]


def methods_units() -> list[Pruned]:
    """The five methods, half of the weights at each step, with the masks of each."""
    return [Pruned(Dense(seed=seed), method, masks=True) for method in METHODS for seed in SEEDS]


def headline_units() -> list[Pruned]:
    """Class-blinded pruning with our training, to each rate in a few steps."""
    return [
        Pruned(Dense(seed=seed, ours=True), schedule=Geometric(rate, HEADLINE_STEPS))
        for rate in HEADLINE_RATES
        for seed in SEEDS
    ]


def one_shot_units() -> list[Pruned]:
    """All at once, and up to 25 epochs after it."""
    return [
        Pruned(Dense(seed=seed), schedule=OneShot(rate), most_epochs=ONE_SHOT_EPOCHS, until_no_gain=True)
        for rate in ONE_SHOT_RATES
        for seed in SEEDS
    ]


def schedule_units() -> list[Pruned]:
    """Other shares of the weights, and fixed numbers of them."""
    shares = [Pruned(Dense(seed=seed), schedule=Relative(rate)) for rate in OTHER_RATES for seed in FEW]
    return [*(Pruned(Dense(), schedule=FixedSize(size)) for size in SIZES), *shares]


def variable_units() -> list[Pruned]:
    """Retraining until nothing is gained."""
    return [Pruned(Dense(seed=seed), most_epochs=10, until_no_gain=True) for seed in FEW]


def scratch_units() -> list[Pruned]:
    """What is left goes back to the start, or to another one, before it is trained again."""
    return [
        Pruned(Dense(seed=seed, ours=True), schedule=OneShot(SCRATCH_RATE), rewind=rewind)
        for rewind in ("", "start", "another")
        for seed in SEEDS
    ]


def large_units() -> list[Pruned]:
    """The network with two hidden layers."""
    return [Pruned(Dense(LARGE, seed), method) for method in METHODS for seed in FEW]


def regularised_units() -> list[Regularised]:
    """The baselines without pruning."""
    return [Regularised(kind, strength) for kind, strengths in KINDS.items() for strength in strengths]


def all_trainings(request: Request) -> Results:
    """The results of all units."""
    data = check_mnist(request.data)
    journal = Journal(request.out / FILE, [data])
    place = Place(data, request.out / "weights")
    dense = dense_units()
    for unit in dense:
        if not unit.file(place).is_file():
            journal.forget(unit.name)
    pruned = [
        *large_units(),
        *schedule_units(),
        *one_shot_units(),
        *variable_units(),
        *methods_units(),
        *headline_units(),
        *scratch_units(),
    ]
    say = request.say
    results: dict[Any, Any] = dict(journal.each(train_dense, place, dense, "dense networks trained", say, _dense_cost))
    results |= journal.each(prune_dense, place, pruned, "networks pruned", say, _pruning_cost)
    return results | dict(journal.each(train_regularised, place, regularised_units(), "baselines trained", say))


def _dense_cost(unit: Dense) -> float:
    return 1.0 if unit.ours else 4.0 * len(unit.widths)


def _pruning_cost(unit: Pruned) -> float:
    """About how many epochs of the small network."""
    match unit.schedule:
        case FixedSize(size):
            steps = 79_400 / size
        case Relative(rate):
            steps = {0.25: 18.0, 0.4: 10.0, 0.5: 8.0, 0.6: 6.0, 0.7: 5.0}[rate]
        case Geometric(_, count):
            steps = count
        case _:
            steps = 1.0
    epochs = 6.0 if unit.until_no_gain else 5.0 if unit.dense.ours else float(unit.most_epochs)
    return steps * epochs * (2.0 if unit.dense.widths == LARGE else 1.0)
