"""The laws of a task: inherit, and give a ``task`` fixture."""

from __future__ import annotations

import numpy as np
import pytest

from nasgen.tasks import Task


class TaskContract:
    def test_arrays_are_contiguous_typed_and_sealed(self, task: Task) -> None:
        for x, y in ((task.x_train, task.y_train), (task.x_test, task.y_test)):
            assert x.dtype in ((np.uint8, np.float32) if task.kind == "images" else (np.uint8, np.int32))
            assert y.dtype == np.int64
            assert x.shape == (len(y), *task.input_shape)
            assert x.ndim == (4 if task.kind == "images" else 2)
            assert x.flags.c_contiguous
            with pytest.raises(ValueError, match="read-only"):
                x[0] = 0

    def test_labels_are_counted_from_zero(self, task: Task) -> None:
        assert set(task.y_train.tolist()) == set(range(task.n_classes))
        assert set(task.y_test.tolist()) <= set(range(task.n_classes))

    @pytest.mark.parametrize("seed", [0, 1])
    def test_a_split_parts_the_training_rows(self, task: Task, seed: int) -> None:
        train, validation = task.split(seed)
        assert sorted([*train, *validation]) == list(range(len(task.y_train)))

    def test_a_split_is_stratified(self, task: Task) -> None:
        train, validation = task.split(3)
        counts = np.bincount(task.y_train)
        held = np.bincount(task.y_train[validation], minlength=task.n_classes)
        fraction = 0.2 if len(task.y_train) < 5_000 else min(0.1, 10_000 / len(task.y_train))
        assert (np.abs(held - fraction * counts) <= 1).all()
        assert (np.bincount(task.y_train[train], minlength=task.n_classes) >= 1).all()
        assert len(validation) <= 10_000

    def test_a_split_repeats_under_its_seed_alone(self, task: Task) -> None:
        first, again, other = task.split(5), task.split(5), task.split(6)
        assert np.array_equal(first[1], again[1])
        assert not np.array_equal(first[1], other[1])

    def test_the_normalisation_is_that_of_the_training_images(self, task: Task) -> None:
        if task.kind == "sequences":
            with pytest.raises(TypeError, match="no normalisation"):
                _ = task.normalisation
            return
        channels_last = task.x_train.transpose(0, 2, 3, 1).reshape(-1, task.input_shape[0]).astype(float)
        assert task.normalisation.mean == pytest.approx(channels_last.mean(axis=0))
        assert task.normalisation.std == pytest.approx(channels_last.std(axis=0))

    def test_sequences_end_once_and_the_longest_ends_with_the_array(self, task: Task) -> None:
        if task.kind == "images":
            return
        held = np.concatenate([task.x_train, task.x_test]) != 0
        assert held[:, 0].all()
        assert (held[:, :-1] >= held[:, 1:]).all()
        assert held[:, -1].any()
        assert task.vocabulary > max(task.x_train.max(), task.x_test.max())
        assert task.augmentation == "none"
