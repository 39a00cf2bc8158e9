"""The four recurrent cells: one step of many neurons at once, and its gradient, in place.

Weights stand by gates as in torch: one for tanh and ReLU (Elman 1990); r, z, n for GRU; i, f, g, o for LSTM. What a
step computes with stands in *blocks*, one row a neuron and one column a sequence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor


class Moment(NamedTuple):
    """What a step reads and writes: ``sums`` of shape (blocks n, B), all else (n, B).

    ``memory`` is a second state that others do not read; cells without one leave it alone.
    """

    sums: Tensor
    state: Tensor
    before: Tensor
    memory: Tensor
    memory_before: Tensor


class Gradients(NamedTuple):
    """Of the state after a step, the state before it, the memory (first after, then before the step), and its sums."""

    state: Tensor
    before: Tensor
    memory: Tensor
    sums: Tensor


class Cell(ABC):
    """A kind of neuron.

    Attributes
    ----------
    blocks
        How many sums a neuron computes, before the non-linearities.
    of_inputs, of_states
        For each gate the block that sums its weights times inputs, and that for the last states of its layer. Those
        of inputs are the first blocks, in some order.
    remembers
        Whether there is a memory.
    bounded
        Whether no state leaves -1..1.
    """

    blocks: int
    of_inputs: tuple[int, ...]
    of_states: tuple[int, ...]
    remembers: bool = False
    bounded: bool = True

    @abstractmethod
    def step(self, now: Moment) -> None:
        """Write state and memory. What the gradient needs of the sums stays there."""

    @abstractmethod
    def step_back(self, now: Moment, by: Gradients) -> None:
        """Write the gradient of the sums, add to that of the state before, and pass that of the memory on."""


class Tanh(Cell):
    """``tanh(sums)``."""

    blocks, of_inputs, of_states = 1, (0,), (0,)

    def step(self, now: Moment) -> None:
        """One operation."""
        torch.tanh(now.sums, out=now.state)

    def step_back(self, now: Moment, by: Gradients) -> None:
        """One operation."""
        torch.ops.aten.tanh_backward.grad_input(by.state, now.state, grad_input=by.sums)


class Relu(Cell):
    """``max(sums, 0)``."""

    blocks, of_inputs, of_states, bounded = 1, (0,), (0,), False

    def step(self, now: Moment) -> None:
        """One operation."""
        torch.clamp(now.sums, min=0, out=now.state)

    def step_back(self, now: Moment, by: Gradients) -> None:
        """One operation."""
        torch.ops.aten.threshold_backward.grad_input(by.state, now.state, 0, grad_input=by.sums)


class Gru(Cell):
    """Gated recurrent unit (Cho et al. 2014) in torch's variant; blocks r, z, and n of inputs and of states."""

    blocks, of_inputs, of_states = 4, (0, 1, 2), (0, 1, 3)

    def step(self, now: Moment) -> None:
        """``(1 - z) new + z before`` with ``new = tanh(n_inputs + r n_states)``."""
        r, z, new, of_states = now.sums.chunk(4)
        now.sums[: 2 * len(r)].sigmoid_()
        new.addcmul_(r, of_states).tanh_()
        torch.lerp(new, now.before, z, out=now.state)

    def step_back(self, now: Moment, by: Gradients) -> None:
        """By r, z and the two parts of n."""
        r, z, new, of_states = now.sums.chunk(4)
        to_r, to_z, to_new, to_states = by.sums.chunk(4)
        torch.sub(now.before, new, out=to_z).mul_(by.state)
        torch.addcmul(by.state, by.state, z, value=-1, out=to_new)
        torch.ops.aten.tanh_backward.grad_input(to_new, new, grad_input=to_new)
        torch.mul(to_new, of_states, out=to_r)
        torch.mul(to_new, r, out=to_states)
        gates, to_gates = now.sums[: 2 * len(r)], by.sums[: 2 * len(r)]
        torch.ops.aten.sigmoid_backward.grad_input(to_gates, gates, grad_input=to_gates)
        by.before.addcmul_(by.state, z)


class Lstm(Cell):
    """Long short-term memory (Hochreiter, Schmidhuber 1997) with forget gates; blocks i, f, o, g."""

    blocks, of_inputs, of_states, remembers = 4, (0, 1, 3, 2), (0, 1, 3, 2), True

    def step(self, now: Moment) -> None:
        """``o tanh(memory)`` with ``memory = f memory_before + i g``."""
        i, f, o, g = now.sums.chunk(4)
        now.sums[: 3 * len(i)].sigmoid_()
        g.tanh_()
        torch.mul(f, now.memory_before, out=now.memory).addcmul_(i, g)
        torch.tanh(now.memory, out=now.state).mul_(o)

    def step_back(self, now: Moment, by: Gradients) -> None:
        """By i, f, o, g and the memory before."""
        i, f, o, g = now.sums.chunk(4)
        to_i, to_f, to_o, to_g = by.sums.chunk(4)
        shown = torch.tanh(now.memory)
        torch.mul(by.state, o, out=to_g)
        by.memory.add_(torch.ops.aten.tanh_backward.grad_input(to_g, shown, grad_input=to_g))
        torch.mul(by.state, shown, out=to_o)
        torch.mul(by.memory, g, out=to_i)
        torch.mul(by.memory, now.memory_before, out=to_f)
        gates, to_gates = now.sums[: 3 * len(i)], by.sums[: 3 * len(i)]
        torch.ops.aten.sigmoid_backward.grad_input(to_gates, gates, grad_input=to_gates)
        torch.mul(by.memory, i, out=to_g)
        torch.ops.aten.tanh_backward.grad_input(to_g, g, grad_input=to_g)
        by.memory.mul_(f)


CELLS: Mapping[str, Cell] = {"tanh": Tanh(), "relu": Relu(), "lstm": Lstm(), "gru": Gru()}
"""The cells by the names that genotypes have for them."""
