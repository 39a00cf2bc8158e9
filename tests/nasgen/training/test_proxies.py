"""Zero-cost proxies: numbers that can be worked out by hand, and nothing left behind."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nasgen.tasks import Task, get_task
from nasgen.tasks.images import training_images
from nasgen.training.proxies import PROXIES, zero_cost_proxies
from search_spaces import LabelledGraph, get_space

CHAIN = LabelledGraph(("input", "linear", "output"), ((0, 1), (1, 2)), info={"parameters": 7.0})
DIGITS = get_task("digits")
CNN = get_space("cnn", input_shape=(1, 8, 8), n_classes=10)


class Own:
    """A space whose genotypes are the functions that make their networks."""

    name = "own"

    def to_graph(self, genotype: Any) -> LabelledGraph:
        return CHAIN

    def build(self, genotype: Any, input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
        network: nn.Module = genotype()
        return network


def proxies(*genotypes: Any, task: Task, **options: Any) -> dict[str, Any]:
    return zero_cost_proxies(Own(), genotypes, task, **options)  # type: ignore[type-var]  # what is read of a space


@pytest.fixture(scope="module")
def task() -> Task:
    """Images of four pixels by four, in three classes."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (60, 4, 4), dtype=np.uint8), np.arange(60) % 3
    return get_task((images, labels, images[:6], labels[:6]))


def two_layers() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 5, bias=False), nn.Linear(5, 3, bias=False))


def built(make: Any, seed: int = 0) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def test_synflow_of_linear_layers_sums_products_of_weights_over_all_paths(task: Task) -> None:
    _, first, second = built(two_layers)
    paths = float((second.weight.abs().double() @ first.weight.abs().double()).sum().detach())
    found = proxies(two_layers, task=task)["synflow"]
    np.testing.assert_allclose(found, [math.log(2 * paths)], rtol=1e-12)  # each layer has the gradient of all paths


def test_synflow_does_not_see_what_a_batch_norm_has_seen(task: Task) -> None:
    def normalised() -> nn.Module:
        norm = nn.BatchNorm1d(16)
        nn.init.constant_(norm.running_mean, 5.0)  # type: ignore[arg-type]  # it tracks them
        return nn.Sequential(nn.Flatten(), norm, nn.Linear(16, 3, bias=False))

    weights = float(built(normalised)[2].weight.detach().abs().double().sum()) / math.sqrt(1 + 1e-5)
    # the weights of the layer and the scales of the norm carry all of the flow once each
    np.testing.assert_allclose(proxies(normalised, task=task)["synflow"], [math.log(2 * weights)], rtol=1e-12)


def test_grad_norm_of_a_linear_model_is_that_of_softmax_regression(task: Task) -> None:
    def linear() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))

    images = training_images(task, 0, 64).training
    x, y = images.take(slice(0, 64)).flatten(1).double(), images.labels[:64]
    layer = built(linear)[1].double()
    errors = (torch.softmax(layer(x), dim=1) - nn.functional.one_hot(y, 3)).detach() / len(y)
    expected = math.sqrt(float(((errors.T @ x) ** 2).sum() + (errors.sum(dim=0) ** 2).sum()))
    np.testing.assert_allclose(proxies(linear, task=task)["grad_norm"], [expected], rtol=1e-5)


class Square(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images**2


def test_jacob_cov_is_higher_where_images_have_gradients_of_their_own(task: Task) -> None:
    def alike() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))

    def unlike() -> nn.Module:
        return nn.Sequential(nn.Flatten(), Square(), nn.Linear(16, 3))

    low, high = proxies(alike, unlike, task=task, batch=8)["jacob_cov"]
    assert low < high
    rows = len(training_images(task, 0, 8).training)
    equal = math.log(rows + 1e-5) + 1 / (rows + 1e-5) + (rows - 1) * (math.log(1e-5) + 1e5)
    np.testing.assert_allclose(low, -equal, rtol=1e-6)  # equal gradients: one eigenvalue has all of the trace


class Aside(nn.Module):
    """A layer beside the path to the output, and draws from the global generators."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused = nn.Linear(16, 3), nn.Linear(16, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.used(nn.functional.dropout(images.flatten(1), 0.5, self.training))  # type: ignore[no-any-return]


def refusing() -> nn.Module:
    raise KeyError("no such layer")


def blind() -> nn.Module:
    """Its logits do not depend on the images, and all its weights are zero."""
    network = two_layers()
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    return network


def test_nan_stands_where_there_is_no_number_and_the_others_keep_their_places(task: Task) -> None:
    columns = proxies(two_layers, refusing, nn.Flatten, blind, Aside, two_layers, task=task)
    assert tuple(columns) == PROXIES
    assert all(column.shape == (6,) for column in columns.values())
    for name in ("synflow", "grad_norm", "jacob_cov"):
        assert np.isnan(columns[name]).tolist() == [
            False,
            True,
            True,
            name != "grad_norm",
            False,
            False,
        ]
        assert columns[name][0] == columns[name][5]
    assert columns["grad_norm"][3] == 0
    assert columns["parameters"].tolist() == [7.0] * 6
    assert np.isnan(columns["macs"]).all()


def test_a_genotype_without_a_graph_has_no_numbers_at_all() -> None:
    good = CNN.sample(np.random.default_rng(0))
    cyclic = type(good)(good.ops, (*good.edges, (len(good.ops) - 1, 0)))
    columns = zero_cost_proxies(CNN, [cyclic, good], DIGITS)
    assert all(np.isnan(column[0]) and np.isfinite(column[1]) for column in columns.values())


def test_equal_seeds_give_equal_numbers_and_others_others() -> None:
    rng = np.random.default_rng(0)
    genotypes = [CNN.sample(rng) for _ in range(4)]
    first, again, other = (zero_cost_proxies(CNN, genotypes, DIGITS, seed) for seed in (0, 0, 1))
    backwards = zero_cost_proxies(CNN, genotypes[::-1], DIGITS, 0)
    for name in PROXIES:
        np.testing.assert_array_equal(first[name], again[name])
        np.testing.assert_array_equal(first[name], backwards[name][::-1])
    for name in ("synflow", "grad_norm", "jacob_cov"):
        assert (first[name] != other[name]).all()


def test_the_global_generators_stay_as_they_were(task: Task) -> None:
    torch.manual_seed(7)
    before, drawn = torch.random.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002  # the global one
    proxies(Aside, two_layers, task=task)
    torch.testing.assert_close(torch.random.get_rng_state(), before)
    assert np.random.get_state()[1].tolist() == drawn  # noqa: NPY002


def test_networks_of_the_space_cnn_have_all_numbers_finite() -> None:
    rng = np.random.default_rng(1)
    genotypes = [CNN.sample(rng) for _ in range(12)]
    columns = zero_cost_proxies(CNN, genotypes, DIGITS)
    assert all(np.isfinite(column).all() for column in columns.values())
    assert columns["macs"].tolist() == [CNN.to_graph(one).info["macs"] for one in genotypes]


def test_no_genotypes_have_empty_columns(task: Task) -> None:
    assert {name: column.shape for name, column in proxies(task=task).items()} == dict.fromkeys(PROXIES, (0,))
