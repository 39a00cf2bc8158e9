"""Replicas: a batch shared by threads gives the gradients of the whole, the same every time."""

from __future__ import annotations

import pytest
import torch
from small_network import small_network
from torch import nn

from nasgen.tasks import get_task
from nasgen.tasks.images import Images, training_images
from nasgen.training.loop import initialise, train
from nasgen.training.recipe import Recipe
from nasgen.training.replicas import Replicas, replicas_for

INPUTS, LABELS = torch.randn(50, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(50) % 10


def backward(network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, share: float) -> torch.Tensor:
    loss: torch.Tensor = nn.functional.cross_entropy(network(inputs), labels) * share
    loss.backward()
    return loss.detach()


def without_norms() -> nn.Module:
    """A network whose rows have nothing to do with each other."""
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))


def gradients(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss and all gradients of a batch."""
    network = initialise(without_norms, 0)
    with Replicas(network, count) as replicas:
        loss = replicas.backward(backward, INPUTS, LABELS)
    return loss, torch.cat([parameter.grad.flatten() for parameter in network.parameters()])


@pytest.mark.parametrize("count", [2, 3, 7])
def test_gradients_and_loss_are_those_of_the_whole_batch(count: int) -> None:
    """50 rows are cut into unequal parts of 17, 17, 16 or of 8 and 7."""
    whole, parts = gradients(1), gradients(count)
    assert parts[0] == pytest.approx(whole[0].item(), rel=1e-6)
    assert torch.allclose(parts[1], whole[1], rtol=1e-4, atol=1e-7)


def test_one_replica_changes_no_bit() -> None:
    network = initialise(without_norms, 0)
    loss = nn.functional.cross_entropy(network(INPUTS), LABELS)
    loss.backward()
    expected = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
    found = gradients(1)
    assert torch.equal(found[0], loss.detach())
    assert torch.equal(found[1], expected)


def test_gradients_do_not_pile_up_from_step_to_step() -> None:
    network = initialise(without_norms, 0)
    with Replicas(network, 2) as replicas:
        losses = [replicas.backward(backward, INPUTS, LABELS) for _ in range(3)]
        piled = [parameter.grad.clone() for parameter in network.parameters()]
    assert len({loss.item() for loss in losses}) == 1
    assert torch.equal(torch.cat([gradient.flatten() for gradient in piled]), gradients(2)[1])


def test_statistics_are_the_mean_of_what_each_replica_has_seen() -> None:
    """Ten images of ones and ten of threes: running means of .1 x 1 and .1 x 3 under a momentum of .1."""
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(4, 2))
    inputs = torch.cat([torch.ones(10, 1, 2, 2), 3 * torch.ones(10, 1, 2, 2)])
    with Replicas(network, 2) as replicas:
        replicas.train()
        replicas.backward(backward, inputs, torch.zeros(20, dtype=torch.int64))
        assert network[0].running_mean.item() == pytest.approx(0.1)
        replicas.average_statistics()
    assert network[0].running_mean.item() == pytest.approx(0.2)
    assert network[0].num_batches_tracked.item() == 1


@pytest.fixture(scope="module")
def digits() -> tuple[Images, Images]:
    return training_images(get_task("digits"), seed=0)[:2]


def test_a_training_on_two_threads_learns_and_repeats_bit_for_bit(digits: tuple[Images, Images]) -> None:
    recipe = Recipe(epochs=8, batch=128, peak_lr=0.5)
    networks = [initialise(small_network, 0) for _ in range(2)]
    one, other = (train(network, digits[0], recipe, seed=0, validation=digits[1], replicas=2) for network in networks)
    assert one.fitness > 0.9
    assert one.curve == other.curve
    states = [network.state_dict() for network in networks]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


class Picky(nn.Module):
    """Raises where it sees the last row."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if (images == INPUTS[-1]).flatten(1).all(dim=1).any():
            raise ValueError("not that one")
        logits: torch.Tensor = self.head(images.flatten(1))
        return logits


def test_what_a_thread_raises_is_raised() -> None:
    with pytest.raises(ValueError, match="not that one"), Replicas(Picky(), 2) as replicas:
        replicas.backward(backward, INPUTS, LABELS)


def test_threads_flush_denormals_too() -> None:
    class Tiny(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(()))
            self.seen: list[float] = []

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            self.seen.append((images.amax() * 1e-20).item())
            return images.flatten(1)[:, :10] * self.weight

    network = Tiny()
    torch.set_flush_denormal(True)
    with Replicas(network, 2) as replicas:
        replicas.backward(backward, torch.full((4, 1, 4, 4), 1e-20), torch.zeros(4, dtype=torch.int64))
        assert [other.seen for other in replicas._networks] == [[0.0], [0.0]]


@pytest.mark.parametrize(
    ("cores", "batch", "replicas"), [(1, 512, 1), (2, 512, 2), (2, 127, 1), (2, 128, 2), (16, 512, 8), (4, 32, 1)]
)
def test_every_replica_has_rows_enough_for_batch_norm(cores: int, batch: int, replicas: int) -> None:
    assert replicas_for(cores, batch) == replicas
