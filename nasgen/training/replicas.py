"""Replicas: one training step spread over the cores, each with its share of the batch and the same weights.

Two threads with half a batch each are faster than two threads inside every operator, which wait for each other after
each one. The replicas share the memory of their weights, and every one keeps its own gradients and batch statistics.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

import torch
from torch import Tensor, nn

Backward = Callable[[nn.Module, Tensor, Tensor, float], Tensor]
"""Forward and backward of a network on images and labels, the loss times a share; returns the loss so weighted."""

FEWEST_ROWS = 64
"""Of a batch for each replica: batch norm needs as many to know what is usual."""


WORTH_ALL_CORES = 100e6
"""MACs of a step's forward pass from which several cores are faster than one: below, they wait for each other."""


def worth_all_cores(step_macs: float) -> bool:
    """Whether a step of so many multiply-accumulates, forward alone, is faster on several cores than on one."""
    return step_macs >= WORTH_ALL_CORES


def replicas_for(cores: int, batch: int) -> int:
    """How many replicas share a batch on so many cores."""
    return max(1, min(cores, batch // FEWEST_ROWS))


class Replicas:
    """A network and its copies, each on a thread of its own.

    Gradients are the mean over the batch, as without copies, and added up in the same order every time. Batch norm
    sees the rows of one replica (ghost batch norm; Hoffer, Hubara, Soudry 2017, sec. 4). Dropout draws from one
    generator in all threads, in no fixed order: a network with dropout does not repeat exactly.

    Parameters
    ----------
    network
        The one that learns, on a CPU. Its gradients are what :meth:`backward` leaves.
    count
        Itself included; with 1 there are no threads.
    """

    def __init__(self, network: nn.Module, count: int) -> None:
        self._networks = [network, *(copy.deepcopy(network) for _ in range(count - 1))]
        for other in self._networks[1:]:
            for own, shared in zip(other.parameters(), network.parameters(), strict=True):
                own.data = shared.data
        # denormals are flushed by a flag of each thread
        self._threads = (
            ThreadPoolExecutor(count - 1, initializer=torch.set_flush_denormal, initargs=(True,)) if count > 1 else None
        )

    def __enter__(self) -> Replicas:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._threads is not None:
            self._threads.shutdown()

    def train(self) -> None:
        """Put every replica into training mode."""
        for network in self._networks:
            network.train()

    def backward(self, backward: Backward, inputs: Tensor, labels: Tensor) -> Tensor:
        """Leave the gradients of the mean loss in the network, and return that loss."""
        for network in self._networks:
            network.zero_grad(set_to_none=True)
        if self._threads is None:
            return backward(self._networks[0], inputs, labels, 1.0)
        parts = list(
            zip(
                self._networks,
                inputs.tensor_split(len(self._networks)),
                labels.tensor_split(len(self._networks)),
                strict=True,
            )
        )
        others = [
            self._threads.submit(backward, network, images, wanted, len(images) / len(inputs))
            for network, images, wanted in parts[1:]
        ]
        network, images, wanted = parts[0]
        loss = backward(network, images, wanted, len(images) / len(inputs))
        for other in others:
            loss = loss + other.result()
        gradients = [[p.grad for p in network.parameters() if p.grad is not None] for network in self._networks]
        for other_gradients in gradients[1:]:
            torch._foreach_add_(gradients[0], other_gradients)
        return loss

    def average_statistics(self) -> None:
        """Give the network the mean of the replicas' running statistics."""
        with torch.no_grad():
            for own, *others in zip(*(network.buffers() for network in self._networks), strict=True):
                if others and own.is_floating_point():
                    own.add_(sum(other - own for other in others) / len(self._networks))
