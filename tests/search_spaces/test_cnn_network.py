"""What is predicted without building equals what torch does: shapes, parameters, multiply-accumulates, logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from search_spaces import ResizingSpace
from search_spaces.cnn import CnnGenotype, CnnSpace, Op, infer_costs, infer_shapes
from search_spaces.cnn.genotype import canonical, renumbered
from search_spaces.cnn.network import Conv, build_network
from search_spaces.cnn.plan import forward_plan
from search_spaces.cnn.source import SOURCE_CLASS, network_source

INPUT, OUTPUT, P, A = Op("input"), Op("output"), Op("max_pool"), Op("avg_pool")
SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64)]


def conv(channels: int, kernel: int = 3) -> Op:
    return Op("conv", kernel, channels)


def genotype(*ops: Op, edges: Any = None) -> CnnGenotype:
    chain = tuple((i, i + 1) for i in range(len(ops) - 1))
    return CnnGenotype(ops, chain if edges is None else edges)


def network_from_source(drawn: CnnGenotype, shape: tuple[int, ...], n_classes: int) -> torch.nn.Module:
    names: dict[str, Any] = {}
    # our own generated code is what is under test; nothing here comes from a file
    exec(compile(network_source(drawn, shape, n_classes), "network.py", "exec"), names)
    module = names[SOURCE_CLASS]()
    assert isinstance(module, torch.nn.Module)
    return module


def check_network(drawn: CnnGenotype, shape: tuple[int, int, int]) -> None:
    drawn = canonical(drawn)
    network = build_network(drawn, shape, 10)
    costs = infer_costs(drawn, shape, 10)
    seen: dict[str, tuple[int, ...]] = {}
    for step in forward_plan(drawn, shape)[1:-1]:
        layer = network.get_submodule(step.name)
        layer.register_forward_hook(lambda _m, _i, out, name=step.name: seen.update({name: tuple(out.shape[1:])}))
    images = torch.randn(2, *shape)
    with FlopCounterMode(display=False) as counter:
        logits = network(images)
    assert logits.shape == (2, 10)
    assert torch.isfinite(logits).all()
    assert seen == {f"{op.kind}{v}": costs.shapes[v] for v, op in enumerate(drawn.ops) if 0 < v < len(drawn) - 1}
    assert sum(costs.parameters) == sum(parameter.numel() for parameter in network.parameters())
    assert 2 * 2 * sum(costs.macs) == counter.get_total_flops()  # two images, two operations each
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def check_draws(count: int, shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    space = CnnSpace(input_shape=shape, depth=(2, 10), max_macs=3_000_000)
    for seed in range(count):
        rng = np.random.default_rng(seed)
        drawn = space.sample(rng)
        check_network(space.mutate(rng, drawn).children[0] if seed % 2 else drawn, shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_predictions_equal_the_network(shape: tuple[int, int, int]) -> None:
    check_draws(12, shape)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_predictions_equal_the_network_of_300_draws(shape: tuple[int, int, int]) -> None:
    check_draws(300, shape)


def test_odd_sizes_halve_downwards_and_one_pixel_is_kept() -> None:
    pooled = genotype(INPUT, P, A, P, P, P, OUTPUT)
    assert [shape[1] for shape in infer_shapes(pooled, (1, 28, 28))] == [28, 14, 7, 3, 1, 1, 1]
    check_network(pooled, (1, 28, 28))
    assert [shape[1:] for shape in infer_shapes(pooled, (1, 9, 2))][1:3] == [(4, 1), (4, 1)]
    check_network(pooled, (1, 9, 2))


def test_merges_of_odd_sizes_fall_back_to_adaptive_pooling() -> None:
    edges = ((0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (1, 4), (2, 4), (4, 5))
    merged = genotype(INPUT, P, P, P, Op("concat"), OUTPUT, edges=edges)
    assert infer_shapes(merged, (1, 28, 28))[4] == (4, 3, 3)
    check_network(merged, (1, 28, 28))
    fits = forward_plan(merged, (1, 28, 28))[4].fits
    assert [fit.size for fit in fits] == [(3, 3), (3, 3), (3, 3), None]


def test_a_merge_of_ratio_four_pools_by_four() -> None:
    merged = genotype(INPUT, P, P, Op("sum"), OUTPUT, edges=((0, 1), (1, 2), (0, 3), (2, 3), (3, 4)))
    network = build_network(merged, (1, 32, 32), 2)
    found: list[torch.Tensor] = []
    network.get_submodule("sum3").register_forward_hook(lambda _m, _i, out: found.append(out))
    images = torch.randn(1, 1, 32, 32)
    network(images)
    once = torch.nn.functional.max_pool2d(images, 2)
    assert torch.equal(found[0], 2 * torch.nn.functional.max_pool2d(once, 2))


def test_sums_pad_channels_with_zeros_and_concats_add_them_up() -> None:
    edges = ((0, 1), (0, 2), (1, 3), (2, 3), (3, 4))
    torch.manual_seed(0)
    for op, channels in (("sum", 24), ("concat", 32)):
        merged = genotype(INPUT, conv(8), conv(24, 5), Op(op), OUTPUT, edges=edges)
        network = build_network(merged, (3, 8, 8), 2)
        images = torch.randn(2, 3, 8, 8)
        narrow, wide = network.get_submodule("conv1")(images), network.get_submodule("conv2")(images)
        found = network.get_submodule(f"{op}3")(narrow, wide)
        assert found.shape[1] == infer_shapes(merged, (3, 8, 8))[3][0] == channels
        assert torch.equal(found[:, -8:], wide[:, -8:])


def test_equal_keys_build_equal_networks() -> None:
    rng = np.random.default_rng(0)
    space = CnnSpace(input_shape=(1, 8, 8), depth=(4, 8))
    for _ in range(5):
        drawn = space.sample(rng)
        twin = renumbered(drawn, rng.permutation(len(drawn)).tolist())
        networks = []
        for each in (drawn, twin):
            torch.manual_seed(0)
            networks.append(space.build(each, (1, 8, 8), 3).eval())
        images = torch.randn(2, 1, 8, 8)
        assert torch.equal(networks[0](images), networks[1](images))
        assert list(networks[0].state_dict()) == list(networks[1].state_dict())


@pytest.mark.parametrize("widths", ["any", "pyramid"])
@pytest.mark.parametrize("side", [24, 28, 33])
def test_networks_take_smaller_images_too(side: int, widths: str) -> None:
    """As ``resizes`` promises: trainings read large images small at first."""
    space = CnnSpace(input_shape=(1, side, side), max_macs=2_000_000, widths=widths)
    assert isinstance(space, ResizingSpace)
    assert space.resizes
    for seed in range(8):
        network = space.build(space.sample(np.random.default_rng(seed)), (1, side, side), 3)
        for smaller in (side // 2, 3 * side // 4):
            assert network(torch.randn(2, 1, smaller, smaller)).shape == (2, 3)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_source_file_is_the_same_network(shape: tuple[int, int, int]) -> None:
    space = CnnSpace(input_shape=shape, depth=(3, 12), max_macs=3_000_000)
    for seed in range(8):
        drawn = space.sample(np.random.default_rng(seed))
        built, written = space.build(drawn, shape, 7), network_from_source(drawn, shape, 7)
        written.load_state_dict(built.state_dict())
        images = torch.randn(3, *shape)
        assert torch.equal(built(images), written(images))
        assert torch.equal(built.eval()(images), written.eval()(images))


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 3), (1, 4), (3, 2), (9, 9)])
def test_taps_that_meet_no_pixel_are_left_out_and_nothing_else_changes(kernel: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer = Conv(3, 4, kernel).double()
    images = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    whole = torch.nn.functional.conv2d(images, layer.weight, padding=kernel // 2)
    gradient = torch.randn_like(whole)
    torch.testing.assert_close(layer(images), whole)
    for ours, theirs in zip(
        *(torch.autograd.grad(output, [images, layer.weight], gradient) for output in (layer(images), whole)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)
    with FlopCounterMode(display=False) as counter:
        layer(images)
    height, width = size
    met = min(kernel, 2 * height - 1) * min(kernel, 2 * width - 1)
    assert counter.get_total_flops() == 2 * 2 * 3 * 4 * met * height * width
    drawn = genotype(INPUT, conv(4, kernel), OUTPUT)
    costs = infer_costs(drawn, (3, *size), 10)
    assert costs.macs[1] == 3 * 4 * met * height * width
    assert costs.parameters[1] == 3 * 4 * kernel**2 + 2 * 4
    built, written = build_network(drawn, (3, *size), 10).eval(), network_from_source(drawn, (3, *size), 10).eval()
    written.load_state_dict(built.state_dict())
    assert torch.equal(built(images.float()), written(images.float()))


def test_the_source_file_reads_as_one_line_a_vertex() -> None:
    ops = (INPUT, conv(16), P, A, Op("skip"), Op("sum"), OUTPUT)
    source = network_source(
        genotype(*ops, edges=((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (1, 5), (5, 6))), (3, 8, 8), 10
    )
    body = source[source.index("def forward(self, v0") :].splitlines()[1:]
    assert [line.strip() for line in body] == [
        "v1 = self.conv1(v0)  # 16 x 8 x 8",
        "v2 = self.max_pool2(v1)  # 16 x 4 x 4",
        "v3 = self.avg_pool3(v2)  # 16 x 2 x 2",
        "v4 = v3  # 16 x 2 x 2",
        "v5 = F.max_pool2d(v1, (4, 4)) + v4  # 16 x 2 x 2",
        "return self.head(v5.mean(dim=(2, 3)))",
    ]


def test_every_activation_is_let_go_after_its_last_reader() -> None:
    space = CnnSpace()
    for seed in range(20):
        plan = forward_plan(space.sample(np.random.default_rng(seed)), (3, 32, 32))
        freed = [vertex for step in plan for vertex in step.frees]
        assert sorted(freed) == list(range(len(plan) - 1))
        for step in plan:
            assert not any(vertex in later.inputs for later in plan[step.vertex + 1 :] for vertex in step.frees)


def test_graphs_carry_costs() -> None:
    space = CnnSpace(input_shape=(3, 8, 8), n_classes=5, depth=(1, 4))
    graph = space.to_graph(genotype(INPUT, conv(16), P, OUTPUT))
    assert graph.ops == ("input", "conv3x3", "max_pool", "output")
    assert graph.attributes["channels"] == (3, 16, 16, 16)
    assert graph.attributes["height"] == graph.attributes["width"] == (8, 8, 4, 4)
    assert graph.attributes["parameters"] == (0, 9 * 3 * 16 + 32, 0, 17 * 5)
    assert graph.attributes["macs"] == (0, 9 * 3 * 16 * 64, 0, 16 * 5)
    assert graph.info == {"parameters": 464 + 85, "macs": 27_648 + 80, "depth": 2}


def test_shapes_of_unsound_genotypes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"vertex 1 \(sum\) must have two inputs or more, found 1"):
        infer_shapes(genotype(INPUT, Op("sum"), OUTPUT), (3, 8, 8))
    with pytest.raises(ValueError, match="directed cycle"):
        infer_shapes(genotype(INPUT, conv(8), OUTPUT, edges=((0, 1), (1, 2), (2, 1))), (3, 8, 8))
