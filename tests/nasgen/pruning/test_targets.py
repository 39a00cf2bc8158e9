"""Which weights of a module are targets, and that masks hold while it is trained."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nasgen.pruning import OneShot, Pruner, targets_of
from nasgen.pruning.pruner import snapshot
from search_spaces import get_space
from search_spaces.rnn.thesis import ThesisNetwork


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.PReLU(), nn.Flatten(), nn.Linear(4 * 16, 3)
    )


def found_rnn() -> nn.Module:
    import numpy as np

    space = get_space("rnn", input_shape=(6,), vocabulary=5, cells=("lstm",), nodes=(5, 8))
    network: nn.Module = space.build(space.sample(np.random.default_rng(0)), (6,), 2)
    return network


def codes() -> Tensor:
    return torch.tensor([[1, 2, 3, 4, 1, 2], [4, 3, 2, 1, 4, 0]])


MODULES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "convolutional": (convolutional, lambda: torch.randn(3, 2, 4, 4)),
    "torch's LSTM": (lambda: nn.LSTM(3, 4, num_layers=2), lambda: torch.randn(5, 2, 3)),
    "the authors' GRU": (lambda: ThesisNetwork("gru", [4, 4], [], 3, 2, 5), codes),
    "a recurrent network of a search": (found_rnn, codes),
    "attention": (lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), lambda: torch.randn(5, 2, 4)),
}


@pytest.mark.parametrize("name", MODULES)
def test_pruned_weights_stay_at_zero_through_training(name: str) -> None:
    torch.manual_seed(0)
    make, inputs = MODULES[name]
    network = make()
    targets = targets_of(network)
    list(Pruner(network, targets, "magnitude", "uniform", OneShot(0.5)))
    masks = [target.mask.clone() for target in targets]
    before = snapshot(network)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(20):
        output = network(inputs())
        (output[0] if isinstance(output, tuple) else output).square().sum().backward()
        for target in targets:
            assert target.parameter.grad is not None
            assert not target.parameter.grad[target.mask == 0].any()
        optimiser.step()
        optimiser.zero_grad()
    after = snapshot(network)
    for target, mask in zip(targets, masks, strict=True):
        assert torch.equal(target.mask, mask)
        assert not target.weight[mask == 0].any()
        assert not torch.equal(before[target.name], after[target.name])
    assert set(network.state_dict()) == set(make().state_dict())


def test_embeddings_norms_and_biases_are_spared() -> None:
    names = [target.name for target in targets_of(convolutional())]
    assert names == ["0.weight", "5.weight"]
    assert [target.name for target in targets_of(ThesisNetwork("lstm", [4], [], 3, 2, 5))] == [
        "recurrent.recurrent_layers.0.weight_ih",
        "recurrent.recurrent_layers.0.weight_hh",
        "out.weight",
    ]


def test_patterns_choose_and_spare() -> None:
    network = ThesisNetwork("lstm", [4, 4], [], 3, 2, 5)
    chosen = targets_of(network, only=["*.weight_*"], spare=["*.1.*"])
    assert [target.name for target in chosen] == [
        "recurrent.recurrent_layers.0.weight_ih",
        "recurrent.recurrent_layers.0.weight_hh",
    ]
    assert {target.gates for target in chosen} == {4}


def test_a_pattern_that_matches_nothing_names_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"expected weights called features\.\*, found 0\.weight, 5\.weight"):
        targets_of(convolutional(), only=["features.*"])


def test_weights_shared_with_a_second_call_keep_their_masks() -> None:
    network = nn.Sequential(nn.Linear(3, 3))
    (target,) = targets_of(network)
    target.keep(torch.eye(3))
    (again,) = targets_of(network)
    assert torch.equal(again.mask, torch.eye(3))


def test_a_pruned_network_computes_what_its_weights_say() -> None:
    network = nn.Sequential(nn.Linear(2, 2, bias=False))
    (target,) = targets_of(network)
    target.keep(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    weight = float(target.parameter.detach()[0, 0])
    assert network(torch.tensor([[3.0, 5.0]])).tolist() == [[pytest.approx(3 * weight), 0.0]]


def test_an_optimiser_that_moves_weights_without_gradients_is_undone() -> None:
    network = nn.Sequential(nn.Linear(2, 2))
    (target,) = targets_of(network)
    target.keep(torch.eye(2))
    with torch.no_grad():
        network[0].weight += 1
    network(torch.zeros(1, 2))
    assert network[0].weight[0, 1] == 0
    assert network[0].weight[0, 0] != 0


def test_a_snapshot_goes_back_under_masks_and_without() -> None:
    torch.manual_seed(0)
    network = convolutional()
    start = snapshot(network)
    targets = targets_of(network)
    list(Pruner(network, targets, "magnitude", "global", OneShot(0.5)))
    pruned = snapshot(network)
    assert not torch.equal(pruned["0.weight"], start["0.weight"])
    network.load_state_dict(start)
    assert torch.equal(network[0].weight, start["0.weight"])
    network(torch.zeros(1, 2, 4, 4))
    assert torch.equal(network[0].weight, pruned["0.weight"])  # the masks are as they were
