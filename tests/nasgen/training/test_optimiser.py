"""Muon turns convolutions by a share of their norm, along all directions of the gradient alike; SGD has the rest."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nasgen.training.optimiser import Muon, Optimiser, orthogonal
from nasgen.training.recipe import Recipe

MUON = Recipe(epochs=1, batch=32, peak_lr=0.1, muon_lr=0.05)


def gaussian(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 5))


def with_gradients(made: nn.Module) -> nn.Module:
    for number, parameter in enumerate(made.parameters()):
        parameter.grad = gaussian(*parameter.shape, seed=number)
    return made


@pytest.mark.parametrize("shape", [(8, 27), (27, 8), (16, 16), (1, 9), (9, 1)])
def test_singular_values_are_brought_together_and_directions_stay(shape: tuple[int, int]) -> None:
    matrix = gaussian(*shape)
    left, before, right = torch.linalg.svd(matrix, full_matrices=False)
    inside = left.T @ orthogonal(matrix) @ right.T
    kept = before > 0.01 * before.norm()
    torch.testing.assert_close(inside, torch.diag(inside.diagonal()), atol=1e-4, rtol=0)
    assert (inside.diagonal()[kept] > 0.39).all()
    assert (inside.diagonal() < 1.21).all()


def test_a_gradient_of_zeros_moves_nothing() -> None:
    assert torch.equal(orthogonal(torch.zeros(3, 4)), torch.zeros(3, 4))
    weight = nn.Parameter(gaussian(3, 4, 1, 1))
    before = weight.detach().clone()
    weight.grad = torch.zeros_like(weight)
    Muon([weight], momentum=0.6).step(0.1)
    torch.testing.assert_close(weight.detach(), before)


def test_a_step_along_one_direction_by_hand() -> None:
    """A weight (0, 3) of norm 3 under a gradient (-2, 0) and a rate of .5 goes to (1.5, 3), cut to norm 3."""
    weight = nn.Parameter(torch.tensor([0.0, 3.0]).view(1, 2, 1, 1))
    weight.grad = torch.tensor([-2.0, 0.0]).view(1, 2, 1, 1)
    Muon([weight], momentum=0.6).step(0.5)
    torch.testing.assert_close(weight.detach().flatten(), torch.tensor([1.5, 3.0]) * 3 / 11.25**0.5)


def test_momentum_remembers_the_gradients_before() -> None:
    """Nesterov: after (1, 0) and (0, 1) the step goes along (0, 1) + .5 (.5, 1) = (.25, 1.5)."""
    weight = nn.Parameter(torch.tensor([1.0, 1.0]).view(1, 2, 1, 1))
    muon = Muon([weight], momentum=0.5)
    weight.grad = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    muon.step(1e-3)
    before = weight.detach().clone()
    weight.grad = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    muon.step(1e-3)
    direction = torch.tensor([0.25, 1.5])
    expected = before.flatten() - 1e-3 * 2**0.5 * direction / direction.norm()
    torch.testing.assert_close(weight.detach().flatten(), expected * 2**0.5 / expected.norm())


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_steps_do_not_depend_on_the_scale_of_the_gradient_nor_the_direction_on_that_of_the_weight(scale: float) -> None:
    weight, scaled = (nn.Parameter(gaussian(8, 3, 3, 3) * by) for by in (1.0, scale))
    weight.grad, scaled.grad = gaussian(8, 3, 3, 3, seed=1), gaussian(8, 3, 3, 3, seed=1) * scale**2
    for one in (weight, scaled):
        Muon([one], momentum=0.6).step(0.1)
    torch.testing.assert_close(scaled.detach() / scale, weight.detach(), rtol=1e-4, atol=1e-5)


def test_a_weight_of_zeros_starts_to_move() -> None:
    weight = nn.Parameter(torch.zeros(4, 2, 3, 3))
    weight.grad = gaussian(4, 2, 3, 3)
    Muon([weight], momentum=0.6).step(0.1)
    assert weight.norm().item() == pytest.approx(2.0)


def test_what_has_no_gradient_stays() -> None:
    weight = nn.Parameter(gaussian(4, 2, 3, 3))
    before = weight.detach().clone()
    Muon([weight], momentum=0.6).step(0.1)
    assert torch.equal(weight, before)


def test_convolutions_keep_their_norm_and_the_rest_is_sgds() -> None:
    made, other = with_gradients(network()), with_gradients(network())
    Optimiser(made, MUON).step(1.0)
    Optimiser(other, MUON.model_copy(update={"muon_lr": 0.0})).step(1.0)
    before = dict(network().named_parameters())
    for (name, value), by_sgd in zip(made.named_parameters(), other.parameters(), strict=True):
        if value.ndim == 4:
            assert value.norm().item() == pytest.approx(before[name].norm().item(), rel=1e-5)
            assert not torch.allclose(value, before[name])
            assert not torch.allclose(value, by_sgd)
        else:
            assert torch.equal(value, by_sgd)


def test_a_share_of_the_peak_is_a_step_of_that_share() -> None:
    moved = []
    for share in (1.0, 0.5):
        made = with_gradients(network())
        Optimiser(made, MUON).step(share)
        moved.append([value - start for value, start in zip(made.parameters(), network().parameters(), strict=True)])
    for whole, half in zip(*moved, strict=True):
        assert half.norm().item() == pytest.approx(0.5 * whole.norm().item(), rel=0.05)


def test_the_first_step_of_adam_is_the_rate_whatever_the_gradient_and_decay_is_a_share_of_the_weight() -> None:
    """Matrices: 2 - .1 x .5 x 2 - .1 x sign; vectors have no decay: 2 - .1 x sign (Loshchilov and Hutter, alg. 2)."""
    recipe = Recipe(epochs=1, batch=32, peak_lr=0.2, optimiser="adam", weight_decay=0.5)
    made = nn.Linear(2, 1)
    for parameter, gradient in zip(made.parameters(), ([[3.0, -1e-3]], [50.0]), strict=True):
        nn.init.constant_(parameter, 2.0)
        parameter.grad = torch.tensor(gradient)
    Optimiser(made, recipe).step(0.5)
    torch.testing.assert_close(made.weight.detach(), torch.tensor([[1.8, 2.0]]), atol=1e-5, rtol=0)
    torch.testing.assert_close(made.bias.detach(), torch.tensor([1.9]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
@pytest.mark.parametrize("muon_lr", [0.0, 0.05])
def test_a_network_without_convolutions_or_with_nothing_else(muon_lr: float, optimiser: str) -> None:
    recipe = MUON.model_copy(update={"muon_lr": muon_lr, "optimiser": optimiser})
    for made in (nn.Linear(3, 2), nn.Conv2d(3, 2, 3, bias=False)):
        before = [parameter.detach().clone() for parameter in made.parameters()]
        Optimiser(with_gradients(made), recipe).step(1.0)
        assert all(not torch.equal(value, start) for value, start in zip(made.parameters(), before, strict=True))
