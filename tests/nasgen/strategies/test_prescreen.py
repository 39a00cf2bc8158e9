"""The surrogate inside a search: when it learns, from what, and that it forgets nothing over a resume."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from contracts.landscape import SPACE, evaluate

from nasgen.errors import InputError
from nasgen.evaluation import Evaluation, Failure, Outcome, Request
from nasgen.strategies.prescreen import (
    FIRST_FIT,
    KEPT_BEST,
    KEPT_LATEST,
    Prescreen,
    _Row,
    check_surrogate,
    make_prescreen,
)
from predictors import Surrogate
from predictors.models import Choice
from search_spaces.nasbench201 import Cell

CELLS = [SPACE.sample(np.random.default_rng(seed)) for seed in range(400)]
POOL = CELLS[300:]


def row(number: int, cell: Cell) -> Evaluation:
    return evaluate(Request(number, SPACE.encode(cell), SPACE.key(cell), number))


def failed(number: int) -> Evaluation:
    return Evaluation(row(number, CELLS[number]).request, Outcome(failure=Failure("diverged", "loss")))


ROWS = [row(number, cell) for number, cell in enumerate(CELLS[:300])]


class Noted(Prescreen[Cell]):
    """Notes the numbers of the rows of every fit, and of every one that chooses."""

    def __init__(self, model: str = "mean") -> None:
        super().__init__(SPACE, model)
        self.fits: list[list[int]] = []
        self.choices: list[int] = []

    def _fit(self, rows: list[_Row], choice: Choice | None) -> Surrogate:
        self.fits.append([one.number for one in rows])
        self.choices += [len(rows)] * (choice is None)
        return super()._fit(rows, choice)


def test_it_is_fitted_at_fixed_numbers_of_rows_and_when_asked() -> None:
    one_by_one, in_lots = Noted(), Noted()
    marks = []
    for number, each in enumerate(ROWS, start=1):
        one_by_one.tell([each])
        assert one_by_one.ready == (number >= FIRST_FIT)
        if one_by_one.ready:
            before = len(one_by_one.fits)
            one_by_one.predict(POOL[:1])
            marks += [number] * (len(one_by_one.fits) - before)
    assert marks[40:48] == [46, 47, 48, 50, 52, 54, 56, 58]
    assert all(later - mark == max(1, mark // 24) for mark, later in pairwise(marks))
    for start in range(0, 300, 50):
        in_lots.tell(ROWS[start : start + 50])
    in_lots.predict(POOL[:1])
    assert len(in_lots.fits) == 2, "but for the choice at the last doubling, a fit that nobody asks for is not made"
    assert in_lots.fits[1] == one_by_one.fits[-1]


@pytest.mark.parametrize("model", ["xgboost", "bayesian-ridge"])
def test_what_it_predicts_is_a_function_of_the_rows_told(model: str) -> None:
    asked_often, asked_once = Prescreen(SPACE, model), Prescreen(SPACE, model)
    for each in ROWS[:60]:
        asked_often.tell([each])
        if asked_often.ready and each.number % 10 == 0:
            asked_often.predict(POOL[:3])
    asked_once.tell(ROWS[:60])
    np.testing.assert_array_equal(asked_often.predict(POOL), asked_once.predict(POOL))


def test_the_model_is_chosen_anew_when_the_rows_have_doubled() -> None:
    rows = [each for each in ROWS if each.fitness is not None][:60]
    asked, resumed = Noted("bayesian-ridge"), Noted("bayesian-ridge")
    for each in rows:
        asked.tell([each])
        if asked.ready:
            asked.predict(POOL[:1])
    assert asked.choices == [6, 12, 24, 48]
    assert len(asked.fits) == len({tuple(numbers) for numbers in asked.fits}), "a choice is a fit already"
    resumed.tell(rows)
    np.testing.assert_array_equal(asked.predict(POOL), resumed.predict(POOL))
    assert resumed.choices == [48], "what was chosen before is of no account"


def test_it_learns_the_landscape() -> None:
    screen = Prescreen(SPACE)
    screen.tell(ROWS)
    truth = np.array([row(0, cell).fitness or np.nan for cell in POOL])
    known = np.isfinite(truth)
    mean, spread = screen.predict(POOL)
    assert mean.shape == spread.shape == (len(POOL),)
    assert (spread > 0).all()
    assert np.corrcoef(mean[known], truth[known])[0, 1] > 0.8


@pytest.mark.parametrize("model", ["gp", "ensemble", "xgboost"])
def test_scores_are_on_the_scale_on_which_the_model_learns_with_the_best_told(model: str) -> None:
    screen = Prescreen(SPACE, model)
    screen.tell(ROWS[:40])
    score, spread, best = screen.scores(POOL)
    surrogate = screen.fitted()
    assert surrogate is not None
    mean, _ = screen.predict(POOL)
    assert score.shape == spread.shape == (len(POOL),)
    assert (spread > 0).all()
    assert best == surrogate.model_.score_of(surrogate.y_.max(keepdims=True))
    # ranks of 40 rows: the best of them has the normal score of its share
    assert best == pytest.approx(NormalDist().inv_cdf(1 - 0.5 / len(surrogate.y_)))
    assert np.corrcoef(score, surrogate.model_.score_of(mean))[0, 1] > 0.9
    _, spread_of_told, _ = screen.scores(CELLS[:40])
    assert spread_of_told.mean() < 0.9 * spread.mean(), "what was told is known better"


def test_failures_count_as_told_and_are_not_learned_from() -> None:
    screen = Noted()
    screen.tell([failed(number) for number in range(FIRST_FIT)])
    assert not screen.ready
    with pytest.raises(ValueError, match="ask `ready` first"):
        screen.predict(POOL)
    screen.tell(ROWS[FIRST_FIT:30])
    assert screen.ready
    screen.predict(POOL)
    assert screen.fits[-1] == [each.number for each in ROWS[FIRST_FIT:30] if each.fitness is not None]


def test_of_many_rows_the_latest_and_the_best_are_kept() -> None:
    screen = Noted()
    rng = np.random.default_rng(0)
    values = rng.permutation(KEPT_LATEST + 2 * KEPT_BEST).astype(float)
    rows = [
        Evaluation(Request(number, ROWS[number % 300].genotype, str(number), 0), Outcome(value))
        for number, value in enumerate(values)
    ]
    screen.tell(rows)
    assert [one.number for one in screen._latest] == [one.number for one in rows[-KEPT_LATEST:]]
    older = sorted(rows[:-KEPT_LATEST], key=lambda one: -(one.fitness or 0))[:KEPT_BEST]
    assert {one.number for one in screen._best} == {one.number for one in older}
    screen.predict(POOL[:1])
    learned = screen.fits[-1]
    assert learned == sorted(learned), "rows come in the order asked"


def test_a_saved_surrogate_stays_as_it_is(tmp_path: Path) -> None:
    rows = [each for each in ROWS[:40] if each.fitness is not None]
    graphs = [SPACE.to_graph(SPACE.decode(each.genotype)) for each in rows]
    saved = Surrogate("bayesian-ridge").fit(graphs, [each.fitness or 0.0 for each in rows])
    saved.save(tmp_path / "saved")
    check_surrogate(str(tmp_path / "saved"), "nasbench201")
    screen = make_prescreen(SPACE, str(tmp_path / "saved"))
    assert screen.ready
    before = screen.predict(POOL)
    screen.tell(ROWS)
    np.testing.assert_array_equal(screen.predict(POOL), before)
    np.testing.assert_array_equal(before[0], saved.predict([SPACE.to_graph(cell) for cell in POOL]))


def test_a_surrogate_of_another_space_is_refused(tmp_path: Path) -> None:
    saved = Surrogate("mean").fit([SPACE.to_graph(cell) for cell in POOL], np.arange(len(POOL)))
    saved.save(tmp_path / "saved", space=SPACE)
    check_surrogate(str(tmp_path / "saved"), "nasbench201")
    with pytest.raises(InputError, match="was fitted on the space nasbench201, found --space cnn"):
        check_surrogate(str(tmp_path / "saved"), "cnn")


def test_a_surrogate_that_needs_more_than_graphs_is_refused(tmp_path: Path) -> None:
    graphs = [SPACE.to_graph(cell) for cell in POOL]
    Surrogate("mean").fit(graphs, np.arange(len(POOL)), {"flops": np.arange(len(POOL))}).save(tmp_path / "saved")
    with pytest.raises(InputError, match="must be fitted on graphs alone, found the extra columns flops"):
        check_surrogate(str(tmp_path / "saved"), "nasbench201")


def test_names_are_checked(tmp_path: Path) -> None:
    for name in ("xgboost", "random-forest"):
        check_surrogate(name, "nasbench201")
        assert make_prescreen(SPACE, name).model == name
    assert make_prescreen(SPACE, "auto").model == "auto"
    with pytest.raises(InputError, match=r"--surrogate must be off, auto, .*found 'magic'"):
        check_surrogate("magic", "cnn")
    with pytest.raises(InputError, match="--surrogate"):
        check_surrogate(str(tmp_path), "cnn")
