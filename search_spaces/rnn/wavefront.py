"""The wavefront: a recurrent network of random structure on whole sequences, a diagonal at a time.

:mod:`search_spaces.rnn.wiring` says why a diagonal. Gradients are written by hand: torch's own would keep a graph of
several nodes for every product, and take longer to walk it than to multiply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from search_spaces.rnn.cells import Cell, Gradients, Moment


@dataclass(frozen=True, eq=False)
class Front:
    """What a wavefront needs to know of the wiring, on the device of the weights.

    Attributes
    ----------
    cell
        The kind of the neurons.
    starts
        The first neuron of every layer, and their number at the end.
    layer
        Of each neuron, shape (n,), int64.
    rows
        Where the columns stand in the last ``reach`` diagonals, shape (columns,), int64.
    reach
        How many diagonals back neurons read.
    """

    cell: Cell
    starts: tuple[int, ...]
    layer: Tensor
    rows: Tensor
    reach: int


class Wavefront(torch.autograd.Function):
    """States of all neurons after the last step of each sequence: shape (n, B).

    ``apply(weights, bias, inputs, lengths, front)`` takes

    - ``weights`` of shape (blocks n, columns), and ``bias`` of shape (blocks n,);
    - ``inputs`` of shape (T, gates w, B): what embedded codes add to the first ``gates`` blocks of the w neurons of the
      first layer;
    - ``lengths`` of shape (B,), int64, 1..T, and a :class:`Front`.

    States before the first step are zero.
    """

    @staticmethod
    def forward(ctx: Any, weights: Tensor, bias: Tensor, inputs: Tensor, lengths: Tensor, front: Front) -> Tensor:
        """Run all diagonals."""
        history, *others = _run(weights, bias, inputs, lengths, front)
        last = lengths + front.layer[:, None] - 1 + front.reach
        ctx.save_for_backward(weights, history, *others, last)
        ctx.front, ctx.steps = front, len(inputs)
        return history.gather(0, last[None])[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Walk the diagonals back."""
        weights, history, windows, sums, memories, last = ctx.saved_tensors
        front: Front = ctx.front
        cell, reach, later = front.cell, front.reach, front.starts[1:-1]
        by_states = torch.zeros_like(history).scatter_(0, last[None], gradients[0][None])
        by_memory, by_sums = torch.zeros_like(memories[0]), torch.empty_like(sums)
        by_weights, by_window = torch.zeros_like(weights), torch.empty_like(windows[0])
        transposed = weights.t().contiguous()
        states = by_states.unbind()
        for d, now in reversed(list(enumerate(_moments(cell, history, sums, memories)))):
            by = Gradients(states[reach + d], states[reach + d - 1], by_memory, by_sums[d])
            if d < len(later):
                by.state[later[d] :] = 0
                by_memory[later[d] :] = 0
            cell.step_back(now, by)
            torch.mm(transposed, by.sums, out=by_window)
            _recent(by_states, d, reach).index_add_(0, front.rows, by_window)
            by_weights.addmm_(by.sums, windows[d].t())
        by_inputs = torch.stack([_of_first_layer(by, front).flatten(0, 1) for by in by_sums[: ctx.steps]])
        return by_weights, by_sums.sum(dim=(0, 2)), by_inputs, None, None


def states_by_step(weights: Tensor, bias: Tensor, inputs: Tensor, lengths: Tensor, front: Front) -> Tensor:
    """States of all neurons after every step, shape (T, n, B), of what a :class:`Wavefront` takes; no gradients.

    What follows the end of a sequence has no meaning.
    """
    with torch.no_grad():
        history, *_ = _run(weights, bias, inputs, lengths, front)
    diagonals = torch.arange(len(inputs), device=history.device)[:, None] + front.layer
    return history[diagonals + front.reach, torch.arange(len(front.layer), device=history.device)]


def _run(
    weights: Tensor, bias: Tensor, inputs: Tensor, lengths: Tensor, front: Front
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The states of all diagonals behind ``reach`` of zeros; what they read, their sums, and their memories."""
    cell, n, reach, later = front.cell, len(front.layer), front.reach, front.starts[1:-1]
    steps, _, batch = inputs.shape
    diagonals = steps + len(later)
    history = weights.new_zeros(reach + diagonals, n, batch)
    windows = weights.new_empty(diagonals, weights.shape[1], batch)
    sums = weights.new_empty(diagonals, len(weights), batch)
    memories = weights.new_zeros(diagonals + 1 if cell.remembers else 1, n, batch)
    ends = lengths + front.layer[:, None]
    shortest = diagonals if cell.bounded else int(lengths.min())
    moments = _moments(cell, history, sums, memories)
    for d, now in enumerate(moments):
        torch.index_select(_recent(history, d, reach), 0, front.rows, out=windows[d])
        torch.addmm(bias[:, None], weights, windows[d], out=now.sums)
        if d < steps:
            first = _of_first_layer(now.sums, front)
            first += inputs[d].view(first.shape)
        cell.step(now)
        if d < len(later):  # the first step of these layers is still to come
            now.state[later[d] :] = 0
            if cell.remembers:
                now.memory[later[d] :] = 0
        if d >= shortest:  # what follows the end of a sequence may grow beyond all bounds, and times zero is NaN
            now.state.masked_fill_(ends <= d, 0)
    return history, windows, sums, memories


def _moments(cell: Cell, history: Tensor, sums: Tensor, memories: Tensor) -> list[Moment]:
    """Where every diagonal reads and writes; ``history`` starts with zeros from before the first one."""
    states = history.unbind()[-len(sums) - 1 :]
    memory = memories.unbind() if cell.remembers else [memories[0]] * (len(sums) + 1)
    return [Moment(total, states[d + 1], states[d], memory[d + 1], memory[d]) for d, total in enumerate(sums.unbind())]


def _recent(history: Tensor, d: int, reach: int) -> Tensor:
    """The states of the ``reach`` diagonals before d, one below the other, the oldest first: shape (reach n, B)."""
    return history[d : d + reach].flatten(0, 1)


def _of_first_layer(sums: Tensor, front: Front) -> Tensor:
    """The blocks of inputs of the neurons of the first layer, shape (gates, w, B)."""
    return sums.view(front.cell.blocks, len(front.layer), -1)[: len(front.cell.of_inputs), : front.starts[1]]
