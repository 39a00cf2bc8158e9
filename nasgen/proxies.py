"""Zero-cost proxies: what an untrained network tells of itself on one batch of images.

They are columns beside a surrogate's features (``extra=``): cheap next to a training, dear next to features of a graph.
Abdelfattah et al. 2021, "Zero-Cost Proxies for Lightweight NAS", sec. 3, has most of them side by side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

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


def zero_cost_proxies(
    space: TrainableSpace[G], genotypes: Sequence[G], task: Task, seed: int = 0, batch: int = BATCH
) -> dict[str, Floats]:
    """The proxies of some genotypes, each by its name, shape (len(genotypes),).

    Networks start from ``seed`` and see the first images of the training split that it cuts: equal arguments give equal
    numbers. nan where a network cannot be built or its numbers are not finite.

    - ``synflow``: log of the sum of weight times gradient over all weights, all made positive, for an image of ones
      (Tanaka et al. 2020);
    - ``grad_norm``: the norm of the gradient of the loss;
    - ``jacob_cov``: how little the gradients by the images resemble each other (Mellor et al. 2021, first version);
    - ``parameters`` and ``macs`` as the graph of the genotype has them.
    """
    from nasgen.tasks.images import training_images
    from nasgen.training import initialise

    images = training_images(task, seed, batch).train
    rows = []
    for genotype in genotypes:
        info = space.to_graph(genotype).info
        counts = [info.get("parameters", math.nan), info.get("macs", math.nan)]
        try:
            network = initialise(lambda genotype=genotype: space.build(genotype, task.input_shape, task.n_classes), seed)
            rows.append([*_scores(network, images.take(slice(0, batch)), images.labels[:batch]), *counts])
        except (RuntimeError, ValueError):
            rows.append([math.nan] * 3 + counts)
    columns = np.array(rows, dtype=np.float64).reshape(len(genotypes), len(PROXIES))
    return dict(zip(PROXIES, np.where(np.isfinite(columns), columns, np.nan).T, strict=True))


def _scores(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> list[float]:
    """synflow, grad_norm and jacob_cov of one network."""
    import torch

    images = images.clone().requires_grad_()
    network.train()
    logits = network(images)
    (by_image,) = torch.autograd.grad(logits.sum(), images, retain_graph=True)
    gradients = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, labels), list(_weights(network)))
    norm = float(torch.sqrt(sum((gradient.double() ** 2).sum() for gradient in gradients)))
    return [_synflow(network, images.shape[1:]), norm, _jacobian_score(by_image.flatten(1).double())]


def _weights(network: nn.Module) -> Any:
    return (parameter for parameter in network.parameters() if parameter.requires_grad)


def _synflow(network: nn.Module, shape: torch.Size) -> float:
    """Changes the network: its weights become positive, and double precision carries their products."""
    import torch

    network.double().eval()  # batch norms that have seen nothing pass everything on
    weights = list(_weights(network))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.reset_running_stats()
        for weight in weights:
            weight.abs_()
    total = network(torch.ones(1, *shape, dtype=torch.float64)).sum()
    gradients = torch.autograd.grad(total, weights)
    return math.log(float(sum((weight * gradient).sum() for weight, gradient in zip(weights, gradients, strict=True))))


SMOOTHING = 1e-5


def _jacobian_score(jacobian: torch.Tensor) -> float:
    """Minus the sum of log(v) + 1/v over the eigenvalues v of the correlations between images; shape (n, d)."""
    import torch

    values = torch.linalg.eigvalsh(torch.corrcoef(jacobian)) + SMOOTHING
    return -float((values.log() + 1 / values).sum())
