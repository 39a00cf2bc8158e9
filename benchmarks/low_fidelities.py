"""Which short training tells most about a long one: fewer images, smaller images, or narrower networks.

    python benchmarks/low_fidelities.py cifar10.npz [--structures 16] [--max-macs 14e6] [--seed 0]

Random genotypes of the default profile are trained for four epochs on all rows, and for less in several ways. Printed
are the mean seconds of each way, and the rank correlation (Spearman) of its validation accuracy with that of the long
training, with a bootstrap interval over the structures. One process; some five minutes a structure on CIFAR-10.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from nasgen.evaluation import Request
from nasgen.planning.budget import Regime, fidelity
from nasgen.settings import Fidelity
from nasgen.tasks import Task, get_task, save_task
from nasgen.training.evaluators import TrainingEvaluator, answer
from search_spaces import get_space

LONG = "all images, four epochs"
RESAMPLED = 2000


def at_half_the_size(task: Task) -> Task:
    """The task with images of half the height and width: of every four pixels the mean."""
    smaller = []
    for images in (task.x_train, task.x_test):
        rows, columns = images.shape[2] // 2 * 2, images.shape[3] // 2 * 2
        corners = [images[:, :, i:rows:2, j:columns:2].astype(np.float32) for i in (0, 1) for j in (0, 1)]
        smaller.append((sum(corners) / 4).astype(images.dtype))
    return replace(task, x_train=smaller[0], x_test=smaller[1])


def evaluators(task: Task, folder: Path, max_macs: int) -> dict[str, tuple[TrainingEvaluator, str]]:
    """An evaluator for each way of training, and the name of its fidelity."""
    whole, half = folder / "whole.npz", folder / "half.npz"
    save_task(task, whole)
    save_task(at_half_the_size(task), half)
    rows, shape = len(task.split(0)[0]), task.input_shape

    def ways(size: float, named: Mapping[str, tuple[int, float]]) -> dict[str, Fidelity]:
        regime = Regime.for_images((shape[0], int(size * shape[1]), int(size * shape[2])), "flip+shift", resizes=True)
        return {name: fidelity(min(rows, images), rows, 2, regime, width) for name, (images, width) in named.items()}

    known = {
        whole: {
            LONG: fidelity(rows, rows, 4, Regime.for_images(shape, "flip+shift", resizes=True)),
            **ways(1.0, {"5,000 images": (2500, 1.0), "16,000 images": (8000, 1.0), "32,000 images": (16000, 1.0)}),
            **ways(1.0, {"20,000 images, half the width": (10000, 0.5), "64,000, half the width": (32000, 0.5)}),
        },
        half: ways(0.5, {"12,000 small images": (6000, 1.0), "38,000 small images": (19000, 1.0)}),
    }
    found = {}
    for path, fidelities in known.items():
        options = {"input_shape": list(get_task(path).input_shape), "n_classes": task.n_classes, "max_macs": max_macs}
        specs = {name: one.model_dump() for name, one in fidelities.items()}
        evaluator = TrainingEvaluator("cnn", options, str(path), 0, specs)
        found |= {name: (evaluator, name) for name in fidelities}
    return found


def interval(short: NDArray[np.float64], long: NDArray[np.float64]) -> tuple[float, float, float]:
    """Spearman's correlation, and the 95 % interval of a bootstrap over the structures."""
    rng, n = np.random.default_rng(0), len(long)
    draws = [rng.integers(n, size=n) for _ in range(RESAMPLED)]
    resampled = [spearmanr(short[rows], long[rows])[0] for rows in draws if len(set(rows.tolist())) > 2]
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return float(spearmanr(short, long)[0]), float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("--structures", type=int, default=16)
    parser.add_argument("--max-macs", type=float, default=14e6)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.structures < 3:
        parser.error(f"--structures must be 3 at least, for a rank correlation; found {args.structures}")
    task, rng = get_task(args.task), np.random.default_rng(args.seed)
    space = get_space(
        "cnn",
        input_shape=task.input_shape,
        n_classes=task.n_classes,
        max_macs=int(args.max_macs),
        widths="pyramid",
    )
    accuracy, seconds = defaultdict(list), defaultdict(list)
    with TemporaryDirectory() as folder:
        ways = evaluators(task, Path(folder), int(args.max_macs))
        for number in range(args.structures):
            genotype = space.sample(rng)
            text, key = space.encode(genotype), space.key(genotype)
            for name, (evaluator, at) in ways.items():
                outcome = answer(evaluator, Request(number, text, key, seed=number, fidelity=at))
                accuracy[name].append(np.nan if outcome.fitness is None else outcome.fitness)
                seconds[name].append(outcome.seconds)
            print(f"structure {number + 1} of {args.structures}: {accuracy[LONG][-1]:.4f}", file=sys.stderr)
    found = {name: np.array(values) for name, values in accuracy.items()}
    whole = np.isfinite(list(found.values())).all(axis=0)
    print(
        f"{task.name}: {whole.sum()} structures, {platform.machine()}; long {found[LONG][whole].mean():.4f} on average"
    )
    for name in sorted(found, key=lambda name: np.mean(seconds[name])):
        correlation, low, high = interval(found[name][whole], found[LONG][whole])
        print(f"{np.mean(seconds[name]):7.1f} s  {correlation:5.2f} [{low:5.2f}, {high:5.2f}]  {name}")


if __name__ == "__main__":
    main()
