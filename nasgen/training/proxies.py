"""Zero-cost proxies: what an untrained network tells of itself on one batch of images.

They are columns beside a surrogate's features (``extra=``): cheap next to a training, dear next to features of a graph.
Abdelfattah et al. 2021, "Zero-Cost Proxies for Lightweight NAS", sec. 3, has most of them side by side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from search_spaces import TrainableSpace

if TYPE_CHECKING:
    import torch
    from torch import nn

    from nasgen.tasks import Task

G = TypeVar("G")
Floats = NDArray[np.float64]

PROXIES = ("synflow", "grad_norm", "jacob_cov", "parameters", "macs")
BATCH = 64
SMOOTHING = 1e-5
"""Added to eigenvalues, so that images whose gradients are alike have a score, if a very low one."""


def zero_cost_proxies(
    space: TrainableSpace[G], genotypes: Sequence[G], task: Task, seed: int = 0, batch: int = BATCH
) -> dict[str, Floats]:
    """The proxies of some genotypes, each by its name, shape (len(genotypes),), in the order given.

    Networks start from ``seed`` and see about ``batch`` images of the training split that it cuts: equal arguments give
    equal numbers, whatever else is asked at once, and the global generators stay as they were. nan where a network
    cannot be built or run, or a number is not finite. TypeError if the task is not of images.

    - ``synflow``: log of the sum of weight times gradient over all weights, all made positive, for an image of ones
      (Tanaka et al. 2020);
    - ``grad_norm``: the norm of the gradient of the loss;
    - ``jacob_cov``: how little the gradients by the images resemble each other (Mellor et al. 2021, first version);
    - ``parameters`` and ``macs`` as the graph of the genotype has them.
    """
    import torch

    from nasgen.tasks.images import training_images

    images = training_images(task, seed, batch).training
    inputs, labels = images.take(slice(0, batch)), images.labels[:batch]
    columns = np.full((len(PROXIES), len(genotypes)), np.nan)
    for place, genotype in enumerate(genotypes):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            try:
                info = space.to_graph(genotype).info
                columns[3:, place] = [info.get(name, math.nan) for name in PROXIES[3:]]
                network = space.build(genotype, task.input_shape, task.n_classes)
                columns[:3, place] = _scores(network, inputs, labels)
            except Exception:  # networks of a user's own space raise what they like
                continue
    return dict(zip(PROXIES, np.where(np.isfinite(columns), columns, np.nan), strict=True))


def _scores(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> list[float]:
    """synflow, grad_norm and jacob_cov of one network, which is another one afterwards."""
    import torch

    images = images.clone().requires_grad_()
    network.train()
    logits = network(images)
    (by_image,) = torch.autograd.grad(logits.sum(), images, retain_graph=True)
    gradients = _gradients(torch.nn.functional.cross_entropy(logits, labels), _weights(network))
    norm = math.sqrt(sum(float((gradient.double() ** 2).sum()) for gradient in gradients))
    return [_synflow(network, images.shape[1:]), norm, _jacobian_score(by_image.flatten(1).double())]


def _weights(network: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def _gradients(value: torch.Tensor, weights: list[nn.Parameter]) -> tuple[torch.Tensor, ...]:
    """The gradients by some weights: zeros by those that the value does not depend on."""
    import torch

    return torch.autograd.grad(value, weights, allow_unused=True, materialize_grads=True)


def _synflow(network: nn.Module, shape: torch.Size) -> float:
    """Changes the network: its weights become positive, and double precision carries their products."""
    import torch

    network.double().eval()  # batch norms that have seen nothing pass everything on
    weights = _weights(network)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.reset_running_stats()
        for weight in weights:
            weight.abs_()
    gradients = _gradients(network(torch.ones(1, *shape, dtype=torch.float64)).sum(), weights)
    flow = sum(float((weight.detach() * gradient).sum()) for weight, gradient in zip(weights, gradients, strict=True))
    return math.log(flow) if flow > 0 else math.nan


def _jacobian_score(jacobian: torch.Tensor) -> float:
    """Minus the sum of log(v) + 1/v over the eigenvalues v of the correlations between images; shape (n, d)."""
    import torch

    correlations = torch.corrcoef(jacobian)
    if not correlations.isfinite().all():  # an image without any gradient
        return math.nan
    values = torch.linalg.eigvalsh(correlations) + SMOOTHING
    return -float((values.log() + 1 / values).sum())
