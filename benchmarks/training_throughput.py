"""Images a second of the training loop, beside a plain one: DataLoader, float32, channels first.

Ten genotypes of fixed seeds at the shape of CIFAR-10 are trained for some steps by both, in turns and each in a
process of its own, with the same batches, threads and augmentation. The plain loop is what most people write: a
``DataLoader`` over a ``TensorDataset`` of normalised images, and no more. The images are noise: nothing here learns.

    python benchmarks/training_throughput.py [--batch 256] [--threads 1] [--steps 6]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

import numpy as np

SHAPE, CLASSES, ROWS = (3, 32, 32), 10, 4096
GENOTYPES, MAX_MACS = 10, 20_000_000
AUGMENTATION = "flip+shift"
SIDES = ("ours", "plain")


def genotypes() -> list[str]:
    """The fixed list: random pyramids of at most 20 million multiply-accumulates."""
    from search_spaces import get_space

    space = get_space("cnn", input_shape=SHAPE, n_classes=CLASSES, max_macs=MAX_MACS, widths="pyramid")
    rng = np.random.default_rng(0)
    return [space.encode(space.sample(rng)) for _ in range(GENOTYPES)]


def noise() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (ROWS, *SHAPE), dtype=np.uint8), rng.integers(0, CLASSES, ROWS)


def ours(text: str, batch: int, threads: int, steps: int) -> float:
    """Images a second of :func:`nasgen.training.loop.train`, after a warm-up."""
    from nasgen.training import numerics

    numerics.prepare(threads)
    from nasgen.tasks.images import Images
    from nasgen.tasks.task import Normalisation
    from nasgen.training.loop import train
    from nasgen.training.recipe import Recipe
    from search_spaces import get_space

    pixels, labels = noise()
    images = Images.of(pixels, labels, Normalisation.of(pixels))
    space = get_space("cnn", input_shape=SHAPE, n_classes=CLASSES, max_macs=MAX_MACS)
    network = space.build(space.decode(text), SHAPE, CLASSES)
    recipe = Recipe(epochs=1, batch=batch, peak_lr=1e-6, augmentation=AUGMENTATION)
    train(network, images.first(2 * batch), recipe, seed=0)
    few = images.first(steps * batch)
    started = time.perf_counter()
    train(network, few, recipe, seed=0)
    return len(few) / (time.perf_counter() - started)


def plain(text: str, batch: int, threads: int, steps: int) -> float:
    """Images a second of a plain loop over the same network, after a warm-up."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    from nasgen.tasks.augmentation import positions
    from search_spaces import get_space

    torch.set_num_threads(threads)
    pixels, labels = (torch.tensor(array) for array in noise())
    images = pixels.float()
    images = (images - images.mean(dim=(0, 2, 3), keepdim=True)) / images.std(dim=(0, 2, 3), keepdim=True)
    space = get_space("cnn", input_shape=SHAPE, n_classes=CLASSES, max_macs=MAX_MACS)
    network = space.build(space.decode(text), SHAPE, CLASSES).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-6, momentum=0.9, nesterov=True, weight_decay=5e-4)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.1)
    generator = torch.Generator().manual_seed(0)

    def epoch(count: int) -> None:
        dataset = TensorDataset(images[:count], labels[:count])
        for inputs, targets in DataLoader(dataset, batch_size=batch, shuffle=True, num_workers=0):
            rows, columns = positions(generator, AUGMENTATION, len(inputs), *SHAPE[1:])
            which = torch.arange(len(inputs))[:, None, None]
            augmented = inputs.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
            loss = loss_of(network(augmented.contiguous()), targets)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            optimiser.step()
            loss.item()

    epoch(2 * batch)
    started = time.perf_counter()
    epoch(steps * batch)
    return steps * batch / (time.perf_counter() - started)


def measured(side: str, number: int, options: argparse.Namespace) -> float:
    """Images a second of one side on one genotype, in a process of its own."""
    shared = ["--batch", str(options.batch), "--threads", str(options.threads), "--steps", str(options.steps)]
    command = [sys.executable, __file__, "--side", side, "--number", str(number), *shared]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        run = ours if options.side == "ours" else plain
        print(json.dumps(run(genotypes()[options.number], options.batch, options.threads, options.steps)))
        return

    import torch

    from nasgen.training.numerics import cpu_features, layout_and_dtype
    from search_spaces import get_space

    layout, dtype = layout_and_dtype("cpu")
    print(
        f"torch {torch.__version__}, {options.threads} threads, batches of {options.batch}; ours: {layout}, "
        f"{dtype or torch.float32}; CPU features: {', '.join(cpu_features())}"
    )
    space = get_space("cnn", input_shape=SHAPE, n_classes=CLASSES, max_macs=MAX_MACS)
    seconds = dict.fromkeys(SIDES, 0.0)
    ratios = []
    for number, text in enumerate(genotypes()):
        rates = {side: measured(side, number, options) for side in SIDES}
        for side, rate in rates.items():
            seconds[side] += 1 / rate
        ratios.append(rates["ours"] / rates["plain"])
        macs = space.to_graph(space.decode(text)).info["macs"] / 1e6
        print(
            f"genotype {number}  {macs:5.1f} million MACs  ours {rates['ours']:7.0f} images/s  "
            f"plain {rates['plain']:7.0f}  ratio {ratios[-1]:.2f}",
            flush=True,
        )
    print(
        f"geometric mean of the ratios {np.exp(np.mean(np.log(ratios))):.2f}, of the whole time "
        f"{seconds['plain'] / seconds['ours']:.2f}"
    )


if __name__ == "__main__":
    main()
