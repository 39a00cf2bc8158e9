"""The laws of examples: inherit, and give a fixture ``examples`` of at least 60 rows, no two of which are equal."""

from __future__ import annotations

import pytest
import torch

from nasgen.tasks.examples import Examples
from nasgen.training.loop import score, train
from nasgen.training.recipe import Recipe


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Reader(torch.nn.Module):
    """Reads images and codes alike: the logits of a row are linear in the sum and the largest of its values."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(2, classes)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        rows = inputs.flatten(1).float()
        logits: torch.Tensor = self.linear(torch.stack([rows.sum(dim=1), rows.amax(dim=1)], dim=1) / 100)
        return logits


class ExamplesContract:
    @pytest.mark.parametrize("count", [1, 2, 7])
    def test_an_epoch_has_every_row_once_in_nearly_equal_batches(self, examples: Examples, count: int) -> None:
        batches = examples.batches(generator(0), count)
        sizes = [len(rows) for rows in batches]
        assert torch.equal(torch.cat(list(batches)).sort().values, torch.arange(len(examples)))
        assert len(sizes) == count
        assert max(sizes) - min(sizes) <= 1

    def test_batches_repeat_under_their_seed_alone(self, examples: Examples) -> None:
        first, again, other = (torch.cat(list(examples.batches(generator(seed), 5))) for seed in (3, 3, 4))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)

    def test_two_epochs_differ(self, examples: Examples) -> None:
        going_on = generator(0)
        first, second = (torch.cat(list(examples.batches(going_on, 5))) for _ in range(2))
        assert not torch.equal(first, second)

    def test_what_is_drawn_is_what_is_taken(self, examples: Examples) -> None:
        rows = torch.tensor([4, 1, 7])
        drawn = examples.draw(generator(0), "none", rows)
        for place, row in enumerate(rows.tolist()):
            one = examples.take(slice(row, row + 1))[0]
            assert torch.equal(drawn[place][..., : one.shape[-1]], one)

    def test_the_first_rows_are_examples_of_their_own(self, examples: Examples) -> None:
        part = examples.first(9)
        assert len(part) == len(part.labels) == 9
        assert part.device == examples.device
        assert torch.equal(part.labels, examples.labels[:9])
        assert torch.equal(part.take(slice(0, 9)), examples.take(slice(0, 9)))
        assert torch.equal(torch.cat(list(part.batches(generator(0), 2))).sort().values, torch.arange(9))

    @pytest.mark.parametrize("size", [1, 7, 1000])
    def test_parts_have_every_row_once_with_its_label(self, examples: Examples, size: int) -> None:
        found = sorted(
            (row[row != 0].double().sum().item(), label)
            for inputs, labels in examples.parts(size)
            for row, label in zip(inputs, labels.tolist(), strict=True)
        )
        expected = sorted(
            (row[row != 0].double().sum().item(), label)
            for row, label in zip(examples.take(slice(None)), examples.labels.tolist(), strict=True)
        )
        assert found == expected
        assert max(len(labels) for _, labels in examples.parts(size)) == min(size, len(examples))

    def test_a_score_is_that_of_a_plain_loop(self, examples: Examples) -> None:
        torch.manual_seed(0)
        network = Reader(int(examples.labels.max()) + 1)
        right, loss = 0, 0.0
        with torch.no_grad():
            for row, label in enumerate(examples.labels):
                logits = network(examples.take(slice(row, row + 1)))
                right += int(logits.argmax() == label)
                loss += torch.nn.functional.cross_entropy(logits, label[None]).item()
        scored = score(network, examples, "float32")
        assert scored.accuracy == right / len(examples)
        assert scored.loss == pytest.approx(loss / len(examples), rel=1e-5)

    def test_a_training_repeats_bit_for_bit(self, examples: Examples) -> None:
        losses = []
        for _ in range(2):
            torch.manual_seed(0)
            network = Reader(int(examples.labels.max()) + 1)
            recipe = Recipe(epochs=2, batch=16, peak_lr=0.01)
            losses.append([epoch.train_loss for epoch in train(network, examples, recipe, seed=1).curve])
        assert losses[0] == losses[1]
