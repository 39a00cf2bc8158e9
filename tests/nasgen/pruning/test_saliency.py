"""What weights are worth: curvature beside torch's Hessian, activations beside sums by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from nasgen.pruning import SALIENCIES, targets_of
from nasgen.pruning import obd as optimal_brain_damage
from nasgen.pruning.obd import diagonal
from nasgen.pruning.saliency import Looks
from nasgen.pruning.scales import input_scales
from search_spaces.rnn.thesis import ThesisNetwork


def mlp() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)).double()


def convolutional() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 3)
    ).double()


def hessian_diagonal(network: nn.Module, name: str, inputs: Tensor, labels: Tensor) -> Tensor:
    """Second derivatives of the mean cross-entropy by each weight, from the whole matrix that torch computes."""
    weight = network.get_parameter(name).detach()

    def loss(flat: Tensor) -> Tensor:
        return nn.functional.cross_entropy(functional_call(network, {name: flat.view_as(weight)}, (inputs,)), labels)

    hessian = torch.autograd.functional.hessian(loss, weight.flatten())
    assert isinstance(hessian, Tensor)
    return hessian.diagonal().view_as(weight)


def test_the_curvature_of_a_network_of_relus_is_exact() -> None:
    network, inputs, labels = mlp(), torch.randn(50, 6, dtype=torch.float64), torch.randint(3, (50,))
    expected = [hessian_diagonal(network, name, inputs, labels) for name in ("0.weight", "2.weight", "4.weight")]
    targets = targets_of(network)
    for found, exact in zip(diagonal(network, targets, inputs), expected, strict=True):
        assert exact.abs().max() > 1e-3
        assert (found - exact).abs().max() < 1e-8


def test_the_curvature_of_convolutions_is_exact_with_batch_norm_in_evaluation() -> None:
    network, inputs = convolutional().eval(), torch.randn(20, 2, 4, 4, dtype=torch.float64)
    labels = torch.randint(3, (20,))
    expected = [hessian_diagonal(network, name, inputs, labels) for name in ("0.weight", "5.weight")]
    for found, exact in zip(diagonal(network, targets_of(network), inputs), expected, strict=True):
        assert (found - exact).abs().max() < 1e-8


def test_all_rows_at_once_and_one_by_one_agree() -> None:
    network, inputs = mlp(), torch.randn(7, 6, dtype=torch.float64)
    targets = targets_of(network)
    one_by_one = [total / 7 for total in optimal_brain_damage._row_by_row(network, targets, inputs)]
    for found, slow in zip(diagonal(network, targets, inputs), one_by_one, strict=True):
        assert torch.allclose(found, slow, atol=1e-12)


def test_rows_do_not_depend_on_those_beside_them(monkeypatch: pytest.MonkeyPatch) -> None:
    network, inputs = mlp(), torch.randn(10, 6, dtype=torch.float64)
    targets = targets_of(network)
    whole = diagonal(network, targets, inputs)
    monkeypatch.setattr(optimal_brain_damage, "AT_ONCE", 3)
    for found, same in zip(diagonal(network, targets, inputs), whole, strict=True):
        assert torch.allclose(found, same, atol=1e-14)


def test_a_linear_layer_that_reads_steps_is_judged_row_by_row() -> None:
    """Its weights are shared by the steps: squares of sums are asked, not sums of squares."""

    class OfSteps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.layer(inputs).sum(dim=1)

    torch.manual_seed(0)
    network, inputs, labels = OfSteps().double(), torch.randn(8, 4, 3, dtype=torch.float64), torch.randint(2, (8,))
    exact = hessian_diagonal(network, "layer.weight", inputs, labels)
    (found,) = diagonal(network, targets_of(network), inputs)
    assert (found - exact).abs().max() < 1e-8


def test_optimal_brain_damage_is_half_the_curvature_times_the_square() -> None:
    network, inputs = mlp(), torch.randn(50, 6, dtype=torch.float64)
    targets = targets_of(network)
    saliencies = SALIENCIES["obd"](targets, Looks(network, inputs), torch.Generator())
    for saliency, h, target in zip(saliencies, diagonal(network, targets, inputs), targets, strict=True):
        assert torch.allclose(saliency, h * target.weight**2 / 2)


def test_a_saliency_that_looks_at_rows_says_so_where_there_are_none() -> None:
    network = mlp()
    for name in ("obd", "activation"):
        with pytest.raises(ValueError, match="expected rows of training data to judge weights by, found none"):
            SALIENCIES[name](targets_of(network), Looks(network), torch.Generator())


def test_linear_weights_are_scaled_by_the_root_mean_square_of_what_they_read() -> None:
    network = nn.Sequential(nn.Linear(2, 1))
    (scale,) = input_scales(network, targets_of(network), torch.tensor([[3.0, 0.0], [4.0, 2.0]]))
    assert scale.tolist() == pytest.approx([12.5**0.5, 2**0.5])


def test_convolutions_are_scaled_by_channel_and_group() -> None:
    network = nn.Conv2d(2, 4, 1, groups=2)
    inputs = torch.stack([torch.full((2, 2), 3.0), torch.full((2, 2), 5.0)])[None]
    (scale,) = input_scales(network, targets_of(network), inputs)
    assert scale.shape == (4, 1, 1, 1)
    assert scale.flatten().tolist() == pytest.approx([3, 3, 5, 5])


def test_recurrent_weights_are_scaled_by_inputs_and_by_the_states_before() -> None:
    torch.manual_seed(0)
    for layer in (nn.RNN(2, 3), nn.RNN(2, 3, batch_first=True)):
        inputs = torch.randn(4, 5, 2)
        of_inputs, of_states = input_scales(layer, targets_of(layer), inputs)
        states = layer(inputs)[0].detach()
        earlier = states[:, :-1] if layer.batch_first else states[:-1]
        assert of_inputs.tolist() == pytest.approx((inputs.square().sum(dim=(0, 1)) / 20).sqrt().tolist())
        assert of_states.tolist() == pytest.approx((earlier.square().sum(dim=(0, 1)) / 20).sqrt().tolist())


def test_each_layer_of_the_authors_networks_is_scaled_by_what_it_reads() -> None:
    torch.manual_seed(0)
    network = ThesisNetwork("lstm", [3, 4], [], 2, 2, 5)
    codes = torch.tensor([[1, 2, 3], [4, 1, 2]])
    targets = targets_of(network, only=["*.weight_ih"])
    first, second = input_scales(network, targets, codes)
    embedded = network.embedding(codes).detach()
    assert first.tolist() == pytest.approx((embedded.square().sum(dim=(0, 1)) / 6).sqrt().tolist())
    assert second.shape == (3,)


def test_what_cannot_be_scaled_is_named() -> None:
    layers = nn.RNN(2, 3, num_layers=2)
    with pytest.raises(ValueError, match=r"expected recurrent layers one by one .* found weight_ih_l0 of several"):
        input_scales(layers, targets_of(layers), torch.randn(4, 5, 2))
    network = nn.Sequential(nn.Linear(2, 2))
    network.idle = nn.Linear(3, 3)
    network.forward = lambda inputs: network[0](inputs)  # type: ignore[method-assign]
    with pytest.raises(ValueError, match=r"expected weights that take part when the network runs, found idle\.weight"):
        input_scales(network, targets_of(network), torch.randn(4, 2))
    cell = nn.LSTMCell(2, 3)  # which reads a step, and does not say of which sequence
    with pytest.raises(ValueError, match=r"modules that say what they read, .* found weight_ih of a LSTMCell"):
        input_scales(cell, targets_of(cell), torch.randn(4, 2))


def test_random_saliencies_follow_their_generator() -> None:
    targets = targets_of(mlp())
    draw = [SALIENCIES["random"](targets, Looks(mlp()), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(draw[0][0], draw[1][0])
    assert not torch.equal(draw[0][0], draw[2][0])
