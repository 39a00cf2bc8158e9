"""The authors' networks: their files' names and shapes, and what their code does that the formula does not."""

from __future__ import annotations

import pytest
import torch

from search_spaces.rnn import RnnGenotype, RnnSpace
from search_spaces.rnn.thesis import ThesisNetwork, build_thesis_network, joined_layers, stored_thesis_network

#: Layers {0}, {1, 2}, {3}: 0 -> 3 skips one.
GENOTYPE = RnnGenotype("gru", 0, 4, ((0, 1), (0, 2), (1, 3), (2, 3), (0, 3)))


def test_joined_layers_by_the_higher_one() -> None:
    assert joined_layers(GENOTYPE.size, GENOTYPE.edges) == [(0, 1), (0, 2), (1, 2)]


def test_masks_are_repeated_row_by_row_while_gates_stand_one_below_the_other() -> None:
    """Of three gates of two neurons, rows 0, 2, 4 are the first neuron's: its mask is in rows 0, 1, 2."""
    chain = RnnGenotype("gru", 0, 4, ((0, 1), (0, 2), (1, 3), (0, 3)))
    network = build_thesis_network(chain, 2, vocabulary=10)
    widths = [cell.weight_hh.shape[1] for cell in network.recurrent.recurrent_layers]
    assert widths == [1, 2, 1]
    lone = RnnGenotype("gru", 0, 5, ((0, 2), (1, 3), (0, 4), (2, 4), (3, 4)))  # 0 -> 2, 1 -> 3: the identity
    mask = build_thesis_network(lone, 2, vocabulary=10).recurrent.recurrent_layers[1].mask_i2h
    assert mask.tolist() in (
        [[1, 0]] * 3 + [[0, 1]] * 3,
        [[0, 1]] * 3 + [[1, 0]] * 3,  # whichever of the two comes first in canonical order
    )


def test_a_skipping_edge_is_a_cell_of_its_own() -> None:
    network = build_thesis_network(GENOTYPE, 2, vocabulary=10)
    assert len(network.recurrent.skip_layers) == 1
    codes = torch.tensor([[1, 2, 3]])
    whole = network(codes)
    with torch.no_grad():
        network.recurrent.skip_layers[0].mask_i2h.zero_()
    without_inputs = network(codes)
    assert not torch.equal(whole, without_inputs)
    with torch.no_grad():
        network.recurrent.skip_layers[0].bias_hh.add_(1.0)
    assert not torch.equal(network(codes), without_inputs)  # its own recurrence goes on without inputs


def test_the_step_after_the_longest_sequence_of_the_batch_is_read() -> None:
    network = build_thesis_network(GENOTYPE, 2, vocabulary=10)
    short, padded = torch.tensor([[1, 2]]), torch.tensor([[1, 2, 0, 0]])
    assert not torch.allclose(network(short), network(padded))
    assert torch.allclose(network(short), network.by_step(padded)[1])
    assert torch.equal(network(padded), network.by_step(padded)[-1])


@pytest.mark.parametrize("cell", ["tanh", "relu", "lstm", "gru"])
def test_a_state_leads_back_to_its_network(cell: str) -> None:
    genotype = RnnGenotype(cell, 0, GENOTYPE.size, GENOTYPE.edges)
    network = build_thesis_network(genotype, 2, vocabulary=128).eval()
    again = stored_thesis_network(cell, network.state_dict(), genotype.size, genotype.edges)
    codes = torch.tensor([[66, 84, 0], [66, 80, 88]])
    assert torch.equal(again(codes), network(codes))


def test_a_state_of_another_graph_is_refused_in_one_line() -> None:
    state = build_thesis_network(GENOTYPE, 2, vocabulary=128).state_dict()
    for wrong, edges in (
        (state, tuple(edge for edge in GENOTYPE.edges if edge != (0, 3))),
        ({}, GENOTYPE.edges),
        ({name: state[name] for name in list(state)[1:]}, GENOTYPE.edges),
    ):
        with pytest.raises(ValueError, match="expected the tensors of a gru network") as caught:
            stored_thesis_network("gru", wrong, GENOTYPE.size, edges)
        assert len(str(caught.value).splitlines()) == 1


def test_learns_and_keeps_its_masks() -> None:
    space = RnnSpace(compat="thesis", embedding=0, cells=("lstm",))
    network = space.build(GENOTYPE, (5,), 2)
    assert isinstance(network, ThesisNetwork)
    cell = network.recurrent.recurrent_layers[1]
    codes = torch.randint(1, 128, (16, 5))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.05)
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(codes), codes[:, 0] % 2)
        loss.backward()
        assert not cell.weight_ih.grad[cell.mask_i2h == 0].any()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
