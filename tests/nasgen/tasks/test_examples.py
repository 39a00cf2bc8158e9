"""What a training reads, of images and of sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from contracts.examples_contract import ExamplesContract, generator
from tiny_sequences import marked

from nasgen.tasks import get_task
from nasgen.tasks.examples import Examples, all_training_examples, final_test_examples, training_examples
from nasgen.tasks.images import Images
from nasgen.tasks.sequences import Sequences


class TestImages(ExamplesContract):
    @pytest.fixture(scope="class")
    @classmethod
    def examples(cls) -> Examples:
        return final_test_examples(get_task("digits")).first(150)

    def test_they_are_images(self, examples: Examples) -> None:
        assert isinstance(examples, Images)


class TestSequences(ExamplesContract):
    @pytest.fixture(scope="class")
    @classmethod
    def examples(cls) -> Examples:
        return all_training_examples(get_task(marked())).first(150)

    def test_they_are_sequences(self, examples: Examples) -> None:
        assert isinstance(examples, Sequences)


class Forgets(Sequences):
    def batches(self, generator: torch.Generator, count: int) -> Sequence[torch.Tensor]:
        return [rows[: len(self) // count] for rows in super().batches(generator, count)]


class Unseeded(Sequences):
    def batches(self, generator: torch.Generator, count: int) -> Sequence[torch.Tensor]:
        return torch.arange(len(self)).tensor_split(count)


class Mislabels(Sequences):
    def parts(self, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for inputs, labels in super().parts(size):
            yield inputs, labels.flip(0)


class Cuts(Sequences):
    def draw(self, *arguments: Any) -> torch.Tensor:
        return super().draw(*arguments)[:, :3]


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (Forgets, lambda laws, given: laws.test_an_epoch_has_every_row_once_in_nearly_equal_batches(given, 7)),
        (Unseeded, lambda laws, given: laws.test_batches_repeat_under_their_seed_alone(given)),
        (Unseeded, lambda laws, given: laws.test_two_epochs_differ(given)),
        (Mislabels, lambda laws, given: laws.test_parts_have_every_row_once_with_its_label(given, 1000)),
        (Cuts, lambda laws, given: laws.test_what_is_drawn_is_what_is_taken(given)),
    ],
)
def test_the_contract_fails_on_broken_examples(broken: type[Sequences], law: Any) -> None:
    whole = all_training_examples(get_task(marked())).first(150)
    assert isinstance(whole, Sequences)
    law(ExamplesContract(), whole)
    with pytest.raises((AssertionError, RuntimeError)):
        law(ExamplesContract(), broken(whole.codes, whole.labels, whole.lengths))


def of_lengths(*lengths: int) -> Sequences:
    """Sequences of ones, twos and so on."""
    codes = np.zeros((len(lengths), max(lengths)), np.uint8)
    for row, length in enumerate(lengths):
        codes[row, :length] = row % 255 + 1
    return Sequences.of(codes, np.zeros(len(lengths), np.int64))


def test_a_batch_is_as_wide_as_its_longest_sequence_and_holds_int64_codes() -> None:
    sequences = of_lengths(2, 9, 4)
    drawn = sequences.draw(generator(0), "none", torch.tensor([2, 0]))
    assert drawn.tolist() == [[3, 3, 3, 3], [1, 1, 0, 0]]
    assert drawn.dtype == torch.int64
    assert sequences.take(slice(0, 1)).tolist() == [[1, 1]]
    assert [inputs.shape for inputs, _ in sequences.parts(2)] == [(2, 4), (1, 9)]


def test_batches_hold_sequences_of_like_length_and_come_in_disorder() -> None:
    lengths = np.random.default_rng(0).integers(1, 50, 400)
    sequences = of_lengths(*lengths.tolist())
    batches = sequences.batches(generator(1), 20)
    spans = [(lengths[rows.numpy()].min(), lengths[rows.numpy()].max()) for rows in batches]
    ordered = sorted(spans)
    assert all(before[1] <= after[0] for before, after in pairwise(ordered))
    assert spans != ordered
    read = sum(len(rows) * sequences.draw(generator(0), "none", rows).shape[1] for rows in batches)
    assert read < 1.06 * lengths.sum()  # in any order it would be twice as much


def test_which_of_equal_length_come_together_is_left_to_chance() -> None:
    sequences = of_lengths(*[5] * 40)
    first, second = ({frozenset(rows.tolist()) for rows in sequences.batches(generator(seed), 4)} for seed in (0, 1))
    assert first.isdisjoint(second)


def test_sequences_cannot_be_augmented() -> None:
    with pytest.raises(ValueError, match="sequences have no augmentation, found 'shift'"):
        of_lengths(3, 3).draw(generator(0), "shift", torch.tensor([0]))


def test_the_parts_of_a_task_of_sequences_are_cut_as_those_of_images() -> None:
    task = get_task(marked())
    training, validation, glance = training_examples(task, 0)
    assert len(training) + len(validation) == len(task.y_train)
    assert len(glance) == len(validation)  # of so few all are looked at
    part, _, _ = training_examples(task, 0, rows=100)
    assert part.labels.bincount().tolist() == [50, 50]
    assert len(final_test_examples(task)) == len(task.y_test)


def test_the_codes_lie_as_they_came_and_are_widened_by_the_batch() -> None:
    sequences = of_lengths(2, 3)
    assert sequences.codes.dtype == torch.uint8
    large = replace(sequences, codes=sequences.codes.int() * 40_000)
    assert large.take(slice(0, 1)).tolist() == [[40_000, 40_000]]
