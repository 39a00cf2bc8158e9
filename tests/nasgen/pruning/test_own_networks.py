"""What weights are worth in networks of our own spaces: scales beside loops by hand, curvature beside torch's."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from nasgen.pruning import targets_of
from nasgen.pruning.obd import diagonal
from nasgen.pruning.scales import input_scales
from search_spaces import get_space
from search_spaces.cnn import CnnGenotype, Op
from search_spaces.cnn.network import CnnNetwork
from search_spaces.rnn import RnnGenotype
from search_spaces.rnn.genotype import canonical
from search_spaces.rnn.network import RnnNetwork, build_network
from search_spaces.rnn.source import SOURCE_CLASS, network_source
from search_spaces.sparse.linear import SparseLinear
from search_spaces.sparse.perceptron import SparsePerceptron

CELLS = ("tanh", "relu", "lstm", "gru")
#: Two sources, an edge that skips a layer (0 -> 4), one that skips two (1 -> 5), and a sink below the last layer (3).
GRAPH = 6, ((0, 2), (1, 2), (0, 3), (2, 4), (0, 4), (4, 5), (1, 5))
LAYERS = [(0, 2), (2, 4), (4, 5), (5, 6)]
CODES = torch.tensor([[3, 1, 2, 4, 1, 1, 2], [2, 2, 1, 3, 0, 0, 0], [5, 0, 0, 0, 0, 0, 0]])


def recurrent(cell: str) -> RnnNetwork:
    torch.manual_seed(0)
    return build_network(RnnGenotype(cell, 4, *GRAPH), 3, vocabulary=6).double()


def perceptron(name: str) -> SparsePerceptron:
    options = {"hidden": [8, 6]} if name == "sparse" else {"hidden": [8, 8], "nodes": 4}
    space = get_space(name, input_shape=(1, 3, 3), n_classes=3, **options)
    torch.manual_seed(0)
    network = space.build(space.sample(np.random.default_rng(1)), (1, 3, 3), 3).double()
    assert isinstance(network, SparsePerceptron)
    return network


def convolutional() -> CnnNetwork:
    ops = tuple(map(Op.parse, ["input", "conv3x3:8", "conv1x1:8", "sum", "max_pool", "output"]))
    genotype = CnnGenotype(ops, ((0, 1), (1, 2), (1, 3), (2, 3), (3, 4), (4, 5)))
    torch.manual_seed(0)
    network = get_space("cnn", input_shape=(1, 6, 6), n_classes=3).build(genotype, (1, 6, 6), 3).double().eval()
    assert isinstance(network, CnnNetwork)
    return network


def root_mean_squares(terms: list[Tensor]) -> Tensor:
    return torch.stack(terms).square().mean(dim=0).sqrt()


def scales_of_perceptron(network: SparsePerceptron, rows: Tensor) -> dict[str, Tensor]:
    """Row by row, each kept weight beside the unit that its place in the mask reads."""
    found: dict[str, list[Tensor]] = {}
    for row in rows:
        states = row.flatten()
        for name, layer in (*network.hidden.named_children(), ("", network.classifier)):
            name = f"hidden.{name}" if name else "classifier"
            if isinstance(layer, SparseLinear):
                matrix = layer.matrix()
                read = [states[source] for source in torch.where(layer.mask())[1].tolist()]
                found.setdefault(f"{name}.weight", []).append(torch.stack(read))
            else:
                matrix = layer.get_parameter("weight")
                found.setdefault(f"{name}.weight", []).append(states)
            states = torch.relu(matrix @ states + layer.get_parameter("bias"))
    return {name: root_mean_squares(terms) for name, terms in found.items()}


def scales_of_convolutions(network: CnnNetwork, images: Tensor) -> dict[str, Tensor]:
    """Of what each convolution is called with, pixel by pixel, and the head by the means of the last channels."""
    found: dict[str, list[Tensor]] = {}
    hooks = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            terms = found.setdefault(f"{name}.weight", [])
            hooks.append(module.register_forward_hook(lambda _, read, out, terms=terms: terms.append(read[0][0])))
    for image in images:
        network(image[None])
    for hook in hooks:
        hook.remove()
    scales = {}
    for name, terms in found.items():
        if terms[0].ndim == 3:  # channels, height, width
            pixels = [one[:, y, x] for one in terms for y in range(one.shape[1]) for x in range(one.shape[2])]
            scales[name] = root_mean_squares(pixels)[:, None, None]
        else:
            scales[name] = root_mean_squares(terms)
    return scales


def scales_of_recurrent(network: RnnNetwork, codes: Tensor) -> dict[str, Tensor]:
    """Sequence by sequence and step by step, the states at which had from the network on what was read until then."""
    probe = deepcopy(network)
    probe._read, probe.readout = torch.arange(6), nn.Identity()
    edges = canonical(RnnGenotype("tanh", 4, *GRAPH)).edges
    of_inputs, of_edges, of_states, at_end = [], [], [], []
    for row in codes:
        before = torch.zeros(6, dtype=torch.float64)
        for step in range(int((row != 0).sum())):
            states = probe(row[None, : step + 1])[0]
            of_inputs.append(network.embedding.weight[row[step]])
            of_edges.append(torch.stack([states[tail] for tail, _ in edges]))
            of_states.append(torch.cat([before[a:b] for a, b in LAYERS for _ in range(a, b)]))
            before = states
        at_end.append(before[network._read])
    return {
        "weight_in": root_mean_squares(of_inputs),
        "weight_ih": root_mean_squares(of_edges),
        "weight_hh": root_mean_squares(of_states),
        "readout.weight": root_mean_squares(at_end),
    }


def check_scales(network: nn.Module, rows: Tensor, expected: Mapping[str, Tensor]) -> None:
    targets = targets_of(network)
    assert {target.name for target in targets} == set(expected)
    for target, scale in zip(targets, input_scales(network, targets, rows), strict=True):
        by_hand = expected[target.name].detach()
        assert by_hand.max() > 0
        torch.testing.assert_close(scale.expand(target.mask.shape), by_hand.expand(target.mask.shape))


@pytest.mark.parametrize("name", ["mask", "sparse"])
def test_scales_of_perceptrons_equal_a_loop_over_rows(name: str) -> None:
    network, rows = perceptron(name), torch.randn(7, 1, 3, 3, dtype=torch.float64)
    check_scales(network, rows, scales_of_perceptron(network, rows))


def test_scales_of_cnns_equal_a_loop_over_pixels() -> None:
    network, images = convolutional(), torch.randn(4, 1, 6, 6, dtype=torch.float64)
    check_scales(network, images, scales_of_convolutions(network, images))


@pytest.mark.parametrize("cell", CELLS)
def test_scales_of_recurrent_networks_equal_a_loop_over_steps(cell: str) -> None:
    network = recurrent(cell)
    check_scales(network, CODES, scales_of_recurrent(network, CODES))


def test_what_follows_the_end_of_a_sequence_does_not_count() -> None:
    network = recurrent("gru")
    targets = targets_of(network)
    whole = input_scales(network, targets, CODES[1:])
    for one, other in zip(whole, input_scales(network, targets, CODES[1:, :4]), strict=True):
        torch.testing.assert_close(one, other)


def test_parts_of_the_rows_weigh_by_what_they_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sequences differ in length, so that a mean of means would be another number."""
    network = recurrent("lstm")
    targets = targets_of(network)
    whole = input_scales(network, targets, CODES)
    monkeypatch.setattr("nasgen.pruning.scales.AT_ONCE", 2)
    for one, other in zip(whole, input_scales(network, targets, CODES), strict=True):
        torch.testing.assert_close(one, other)


def losses_derivatives(network: nn.Module, name: str, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """By each weight, the second derivative of the mean cross-entropy, and the diagonal of the Gauss-Newton matrix."""
    weight = network.get_parameter(name).detach()

    def logits(flat: Tensor) -> Tensor:
        found: Tensor = functional_call(network, {name: flat.view_as(weight)}, (inputs,))
        return found

    def loss(flat: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits(flat), labels)

    hessian = torch.autograd.functional.hessian(loss, weight.flatten())
    by_logit = torch.autograd.functional.jacobian(logits, weight.flatten())
    p = logits(weight.flatten()).softmax(dim=1)
    of_softmax = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    gauss_newton = torch.einsum("bkw,bkl,blw->w", by_logit, of_softmax, by_logit) / len(inputs)
    return hessian.diagonal().view_as(weight), gauss_newton.view_as(weight)


def plain(network: RnnNetwork, cell: str) -> nn.Module:
    """The same network as its exported code, of which torch can take second derivatives."""
    names: dict[str, type[nn.Module]] = {}
    exec(network_source(RnnGenotype(cell, 4, *GRAPH), 3, vocabulary=6), names)
    code = names[SOURCE_CLASS]().double()
    code.load_state_dict(network.state_dict())
    return code


@pytest.mark.parametrize("name", ["mask", "sparse", "cnn"])
def test_the_curvature_of_networks_of_relus_is_exact(name: str) -> None:
    network: nn.Module = convolutional() if name == "cnn" else perceptron(name)
    without_masks = deepcopy(network)
    inputs = torch.randn(6, *((1, 6, 6) if name == "cnn" else (1, 3, 3)), dtype=torch.float64)
    targets = targets_of(network)
    for target, found in zip(targets, diagonal(network, targets, inputs), strict=True):
        exact, _ = losses_derivatives(without_masks, target.name, inputs, torch.randint(3, (6,)))
        assert exact.max() > 0
        assert (found - exact).abs().max() < 1e-8 * exact.max()


@pytest.mark.parametrize("cell", CELLS)
def test_the_curvature_of_recurrent_networks_is_exact_where_logits_are_linear_in_a_weight(cell: str) -> None:
    """In weights that a state meets again at the next step they are not, nor behind curves: then it is Gauss-Newton."""
    network, labels = recurrent(cell), torch.tensor([0, 2, 1])
    code = plain(network, cell)
    targets = targets_of(network)
    exact_ones = ["weight_in", "weight_ih", "readout.weight"] if cell == "relu" else ["readout.weight"]
    for target, found in zip(targets, diagonal(network, targets, CODES), strict=True):
        exact, gauss_newton = losses_derivatives(code, target.name, CODES, labels)
        torch.testing.assert_close(found, gauss_newton, atol=1e-10, rtol=1e-6)
        assert found.max() > 1e-6
        assert (float((found - exact).abs().max()) < 1e-8) == (target.name in exact_ones)


def test_modules_have_no_squares_of_weights_that_are_not_theirs() -> None:
    network = recurrent("tanh")
    with pytest.raises(ValueError, match="expected one of weight_in, weight_hh, weight_ih, found weight"):
        network.squares("weight", CODES)
    layer = perceptron("mask").hidden[0]
    assert isinstance(layer, SparseLinear)
    with pytest.raises(ValueError, match="expected weight, found bias"):
        layer.squares("bias", torch.zeros(2, 9, dtype=torch.float64))
