"""Which weights are compared with each other."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nasgen.pruning import SCOPES, OneShot, Pruner, Target, targets_of
from nasgen.pruning.scope import Scope, order_of


def two_layers(first: list[list[float]], second: list[list[float]]) -> tuple[nn.Sequential, list[Target]]:
    network = nn.Sequential(nn.Linear(len(first[0]), len(first)), nn.Linear(len(second[0]), len(second)))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor(first))
        network[1].weight.copy_(torch.tensor(second))
    return network, targets_of(network)


def kept(targets: list[Target]) -> list[list[int]]:
    return [target.mask.flatten().int().tolist() for target in targets]


FIRST, SECOND = [[0.1, 0.2], [0.3, 0.4]], [[5.0, 6.0], [7.0, 8.0]]


def prune(scope: str, rate: float) -> list[list[int]]:
    network, targets = two_layers(FIRST, SECOND)
    list(Pruner(network, targets, "magnitude", scope, OneShot(rate)))
    return kept(targets)


def test_one_threshold_for_all_may_empty_a_layer() -> None:
    assert prune("global", 0.5) == [[0, 0, 0, 0], [1, 1, 1, 1]]


def test_uniform_takes_the_same_share_of_each_layer() -> None:
    assert prune("uniform", 0.5) == [[0, 0, 1, 1], [0, 0, 1, 1]]


def test_distributed_counts_in_deviations_of_the_layer() -> None:
    # deviations .112 and 1.118: the first layer counts as .9 1.8 2.7 3.6, the second as 4.5 5.4 6.3 7.2
    assert prune("distributed", 0.5) == [[0, 0, 0, 0], [1, 1, 1, 1]]
    network, targets = two_layers([[1.0, 2.0], [3.0, 40.0]], [[0.1, 0.3], [0.2, 0.4]])
    list(Pruner(network, targets, "magnitude", "distributed", OneShot(0.5)))
    # the large weight makes its layer wide: 1 2 3 40 are .06 .12 .18 2.4 deviations, .1 .2 .3 .4 are .9 1.8 2.7 3.6
    assert kept(targets) == [[0, 0, 0, 1], [0, 1, 1, 1]]


def test_deviations_are_those_of_the_weights_that_are_left() -> None:
    _, targets = two_layers([[1.0, 2.0], [3.0, 40.0]], [[0.1, 0.3], [0.2, 0.4]])
    targets[0].keep(torch.tensor([[1.0, 1.0], [1.0, 0.0]]))
    compared = SCOPES["distributed"].compared(targets, [target.weight for target in targets])
    assert compared[:3].tolist() == pytest.approx([1 / 0.8165, 2 / 0.8165, 3 / 0.8165], rel=1e-4)


def test_a_layer_without_deviation_is_compared_as_it_is() -> None:
    _, targets = two_layers([[2.0, 2.0]], [[3.0]])
    assert SCOPES["distributed"].compared(targets, [t.weight for t in targets]).tolist() == [2, 2, 3]


def test_amount_takes_the_same_number_of_each_layer_that_has_so_many() -> None:
    network, targets = two_layers([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]], [[1.0, 2.0]])
    pruner = Pruner(network, targets, "magnitude", "amount", OneShot(0.6))
    assert [step.kept for step in pruner] == [4]
    assert kept(targets) == [[0, 0, 0, 0, 1, 1, 1, 1], [0, 0]]


def test_gates_give_up_the_same_share() -> None:
    layer = nn.GRU(2, 2, bias=False)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.arange(1.0, 13.0).view(6, 2))  # rows of r, z, n
        layer.weight_hh_l0.fill_(1.0)
    targets = targets_of(layer, only=["weight_ih*"])
    list(Pruner(layer, targets, "magnitude", "gate", OneShot(0.5)))
    assert targets[0].mask.int().tolist() == [[0, 0], [1, 1], [0, 0], [1, 1], [0, 0], [1, 1]]


def test_groups_of_gates_follow_their_rows() -> None:
    layer = nn.LSTM(1, 2, bias=False)
    targets = targets_of(layer)
    groups = Scope(by="gate").groups(targets)
    assert groups.tolist() == [0] * 2 + [1] * 2 + [2] * 2 + [3] * 2 + [4] * 4 + [5] * 4 + [6] * 4 + [7] * 4


def test_layers_give_up_their_shares_give_or_take_a_weight() -> None:
    alive = torch.ones(7, dtype=torch.bool)
    groups = torch.tensor([0, 0, 0, 0, 0, 1, 1])
    order = order_of(torch.arange(7.0), alive, groups)
    # turns come at shares of .1 .3 .5 .7 .9 of the one, and of .25 .75 of the other
    assert order.tolist() == [0, 5, 1, 2, 3, 6, 4]


def test_no_weight_comes_back_when_one_more_goes() -> None:
    """By largest remainders, layers of 6, 6 and 2 give up 4, 4, 2 of 10, and 5, 5, 1 of 11."""
    groups = torch.repeat_interleave(torch.tensor([0, 1, 2]), torch.tensor([6, 6, 2]))
    order = order_of(torch.rand(14), torch.ones(14, dtype=torch.bool), groups)
    given = [torch.bincount(groups[order[:count]], minlength=3).tolist() for count in (10, 11, 12)]
    assert given == [[5, 4, 1], [5, 5, 1], [5, 5, 2]]


def test_layers_that_give_up_equal_numbers_take_turns_as_long_as_they_can() -> None:
    groups = torch.tensor([0, 0, 0, 1, 2, 2])
    order = order_of(torch.tensor([3.0, 1, 2, 0, 9, 8]), torch.ones(6, dtype=torch.bool), groups, equal=True)
    assert order.tolist() == [1, 3, 5, 2, 4, 0]


def test_of_equal_weights_the_first_go_and_none_that_are_gone() -> None:
    equal, alive = torch.ones(6), torch.tensor([True, False, True, True, True, True])
    assert order_of(equal, alive, torch.zeros(6, dtype=torch.int64)).tolist() == [0, 2, 3, 4, 5]
