"""Small convolutional networks whose norms have seen images, as after a training."""

from __future__ import annotations

import torch

from search_spaces import get_space
from search_spaces.cnn import CnnGenotype
from search_spaces.cnn.network import CnnNetwork, build_network

SHAPE = (3, 16, 16)
SPACE = get_space("cnn", input_shape=SHAPE, n_classes=5, max_macs=3_000_000, widths="pyramid")


def images() -> torch.Tensor:
    """The same 64 random ones each time."""
    return torch.randn((64, *SHAPE), generator=torch.Generator().manual_seed(1))


def trained(genotype: CnnGenotype, seed: int = 0) -> CnnNetwork:
    """A network whose norms have seen the images and differ from channel to channel."""
    torch.manual_seed(seed)
    network = build_network(genotype, SHAPE, 5).train()
    for _ in range(20):
        network(images())
    for parameter in network.parameters():
        if parameter.ndim == 1:
            parameter.data.add_(0.2 * torch.rand_like(parameter))
    return network.eval()
