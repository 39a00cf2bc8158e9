"""The bonus: what it comes to, which names it knows, and that an evaluator adds it to the accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nasgen.errors import InputError
from nasgen.evaluation import Outcome, Request
from nasgen.training.bonus import bonus_of, check_bonus
from nasgen.training.evaluators import TrainingEvaluator, answer
from nasgen.training.recipe import Recipe
from search_spaces import get_space

OPTIONS: dict[str, Any] = {"input_shape": [1, 8, 8], "n_classes": 10, "hidden": [16], "sparsities": [0.5]}
SPACE = get_space("mask", **OPTIONS)
GENOTYPE = SPACE.sample(np.random.default_rng(0))


def test_each_number_counts_as_often_as_its_weight_says() -> None:
    info = {"sparsity": 0.5, "macs": 592.0, "kept": 432.0}
    assert bonus_of({"sparsity": 2.0, "macs": -0.001}, info) == pytest.approx(1.0 - 0.592)
    assert bonus_of({}, info) == 0


def test_names_must_be_those_of_the_graphs() -> None:
    check_bonus({"macs": -1.0}, {"macs": 592.0})
    with pytest.raises(InputError, match=r"^--bonus: the graphs of this space hold kept, macs, found 'flops'$"):
        check_bonus({"macs": 1.0, "flops": 1.0}, {"macs": 592.0, "kept": 432.0})
    with pytest.raises(InputError, match=r"hold no numbers: leave it out, found 'flops'$"):
        check_bonus({"flops": 1.0}, {})


def test_a_weight_beyond_all_bounds_is_refused_before_any_training() -> None:
    with pytest.raises(InputError, match=r"is finite, found macs=1e\+308, and graphs with macs 592$"):
        check_bonus({"macs": 1e308}, {"macs": 592.0})


def evaluated(bonus: dict[str, float]) -> Outcome:
    fidelity = {"recipe": Recipe(epochs=2, batch=64, peak_lr=0.1).model_dump(), "rows": 200}
    evaluator = TrainingEvaluator("mask", OPTIONS, "digits", 0, {"search": fidelity}, bonus=bonus)
    return answer(evaluator, Request(0, SPACE.encode(GENOTYPE), "key", seed=1))


def test_an_evaluator_adds_it_to_the_accuracy_and_keeps_the_curve_plain() -> None:
    plain, weighted = evaluated({}), evaluated({"sparsity": 2.0, "parameters": -1e-3})
    assert plain.fitness == plain.metrics["accuracy"][-1]
    assert weighted.metrics == plain.metrics
    assert weighted.metrics["parameters"] == 618  # 592 weights and 26 biases
    assert weighted.fitness == pytest.approx(plain.metrics["accuracy"][-1] + 2 * 0.5 - 0.618)


def test_a_graph_without_the_number_is_a_failure() -> None:
    outcome = evaluated({"flops": 1.0})
    assert outcome.fitness is None
    assert "flops" in str(outcome.failure)
