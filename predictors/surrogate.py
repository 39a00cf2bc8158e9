"""Surrogate: fitness predicted from the structure of a graph, with a spread."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from predictors.features import FeatureSet, get_features
from predictors.folder import SETTINGS_FILE, damaged, read_folder, write_folder
from predictors.metrics import kendall_tau
from predictors.models import LARGEST, Choice, get_model
from predictors.models.explain import contributions
from search_spaces import LabelledGraph, SearchSpace

Floats = NDArray[np.float64]
Extra = Mapping[str, ArrayLike]

EXPLAINED_ROWS = 16
"""Rows over which the importance of a column is averaged."""


class Surrogate:
    """A model on the features of graphs, in the manner of a scikit-learn regressor.

    Parameters
    ----------
    model
        A name of ``predictors.models.MODELS``; of graphs with one op and no numbers, ``auto`` is ``structure``.
    features
        A name of ``predictors.features.FEATURE_SETS``.
    random_state
        Seed of whatever the model draws, from 0 to 2**32 - 1: equal rows and seeds give equal predictions.

    Attributes
    ----------
    features_
        The feature set with the vocabulary of the rows.
    names_
        The name of each column: the features, then the extra columns.
    X_, y_
        The rows, shape (n, len(names_)), and their targets, shape (n,).
    model_
        The fitted model.
    choice_
        What its cross-validation chose, to fit it again on more rows; None for models without one.
    space_
        Name and options of the search space that a loaded one was saved with; None where there is no record.

    Examples
    --------
    >>> from search_spaces import LabelledGraph
    >>> chain = LabelledGraph(["input", "conv3x3", "output"], [(0, 1), (1, 2)])
    >>> Surrogate("mean").fit([chain, chain], [0.5, 0.7]).predict([chain])
    array([0.6])
    """

    def __init__(self, model: str = "auto", features: str = "default", random_state: int = 0) -> None:
        self.model = model
        self.features = features
        self.random_state = random_state

    def fit(self, graphs: Sequence[LabelledGraph], y: ArrayLike, extra: Extra | None = None) -> Self:
        """Learn from graphs and their fitness.

        Parameters
        ----------
        graphs
            At least one graph.
        y
            One finite number a graph.
        extra
            More columns by name, one number (or nan) a graph each; ``predict`` then needs the same names.

        Raises
        ------
        ValueError
            On unknown names, no rows, lengths that differ, targets that are not finite, and what no single-precision
            number can hold.
        """
        features = get_features(self.features).fit(graphs)
        return self.fit_features(features, features.compute(graphs), y, extra)

    def fit_features(
        self,
        features: FeatureSet,
        values: Floats,
        y: ArrayLike,
        extra: Extra | None = None,
        choice: Choice | None = None,
    ) -> Self:
        """Learn from rows that ``features`` has computed already; otherwise as ``fit``.

        With a ``choice`` that an earlier fit made (``choice_``), nothing is chosen or calibrated anew.
        """
        targets = np.array(y, dtype=np.float64)  # a copy: what the caller does to theirs later changes nothing here
        if features.name != self.features:
            raise ValueError(f"rows must be of the features {self.features!r}, found those of {features.name!r}")
        if not len(values) or targets.shape != (len(values),):
            raise ValueError(
                f"fit needs at least one graph and one target a graph, found {len(values)} graphs "
                f"and targets of shape {targets.shape}"
            )
        if not np.isfinite(targets).all():
            worst = int(np.flatnonzero(~np.isfinite(targets))[0])
            raise ValueError(f"targets must be finite, found {targets[worst]} in row {worst}: leave failures out")
        columns = _columns(extra or {}, len(values))
        return self._fit(features, np.hstack([values, *columns.values()]), targets, tuple(columns), choice)

    def _fit(
        self, features: FeatureSet, X: Floats, y: Floats, extra_names: tuple[str, ...], choice: Choice | None
    ) -> Self:
        if not all(isinstance(name, str) for name in extra_names):
            raise ValueError(f"extra columns must have texts for names, found {list(extra_names)}")
        names = (*features.names, *extra_names)
        if len(set(names)) != len(names):
            repeated = next(name for name in reversed(names) if names.count(name) > 1)
            what = "extra columns" if repeated in extra_names else "ops and attributes"
            raise ValueError(f"{what} must have names of their own, found {repeated!r} among the features")
        if X.shape != (len(y), len(names)):
            raise ValueError(f"rows must have {len(names)} columns, found shape {X.shape}")
        if not isinstance(self.random_state, int | np.integer) or not 0 <= self.random_state < 2**32:
            raise ValueError(f"random_state must be a whole number from 0 to 2**32 - 1, found {self.random_state}")
        _check_size(X, names)
        _check_size(y[:, None], ("targets",))
        with threadpool_limits(1, user_api="blas"):  # sums that threads cut up differ in their last digits
            self.model_ = get_model(self._model_for(features, extra_names, choice), self.random_state, choice).fit(X, y)
        self.choice_: Choice | None = getattr(self.model_, "choice_", None)
        self.features_, self.extra_names_, self.names_, self.X_, self.y_ = features, extra_names, names, X, y
        self.space_: dict[str, Any] | None = None
        return self

    def _model_for(self, features: FeatureSet, extra_names: tuple[str, ...], choice: Choice | None) -> str:
        """The name of the model: ``auto`` chooses from others where the columns tell of structure alone."""
        of_structure = features.of_structure and not extra_names
        return "structure" if self.model == "auto" and of_structure and choice is None else self.model

    @overload
    def predict(
        self, graphs: Sequence[LabelledGraph], return_std: Literal[False] = False, extra: Extra | None = None
    ) -> Floats: ...

    @overload
    def predict(
        self, graphs: Sequence[LabelledGraph], return_std: Literal[True], extra: Extra | None = None
    ) -> tuple[Floats, Floats]: ...

    def predict(
        self, graphs: Sequence[LabelledGraph], return_std: bool = False, extra: Extra | None = None
    ) -> Floats | tuple[Floats, Floats]:
        """The predicted fitness of each graph, shape (n,), and with ``return_std`` its standard deviation."""
        X = self.featurise(graphs, extra)
        mean, std = self.model_.predict(X) if len(X) else (np.empty(0), np.empty(0))
        return (mean, std) if return_std else mean

    def featurise(self, graphs: Sequence[LabelledGraph], extra: Extra | None = None) -> Floats:
        """The rows that the model reads of some graphs, shape (n, len(names_))."""
        self._check_fitted()
        columns = _columns(extra or {}, len(graphs))
        if set(columns) != set(self.extra_names_):
            raise ValueError(
                f"extra columns must be those of the fit, {list(self.extra_names_)}, found {list(columns)}"
            )
        X = np.hstack([self.features_.compute(graphs), *(columns[name] for name in self.extra_names_)])
        _check_size(X, self.names_)
        return X

    def rank(self, graphs: Sequence[LabelledGraph], extra: Extra | None = None) -> NDArray[np.intp]:
        """The indices of the graphs, best predicted fitness first; equal ones in the order given."""
        return np.argsort(-self.predict(graphs, extra=extra), kind="stable")

    def score(self, graphs: Sequence[LabelledGraph], y: ArrayLike, extra: Extra | None = None) -> float:
        """Kendall's tau between targets and predictions."""
        return kendall_tau(y, self.predict(graphs, extra=extra))

    def explain(self, graph: LabelledGraph | None = None, extra: Extra | None = None) -> dict[str, float]:
        """What the model looks at, by name of the column, largest first, in units of the fitness.

        With a graph: how far each column moves its prediction up or down (Shapley values of columns drawn in random
        orders); together they are the prediction minus that of the average row. Without one: the mean distance by
        which a column moves the predictions of some of the rows. ``extra`` goes with a graph.
        """
        self._check_fitted()
        known = ~np.isnan(self.X_)
        typical = np.where(known, self.X_, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        some = np.linspace(0, len(self.X_) - 1, min(len(self.X_), EXPLAINED_ROWS)).astype(int)
        rows = self.X_[some] if graph is None else self.featurise([graph], extra)
        moved = [contributions(lambda X: self.model_.predict(X)[0], row, typical, self.random_state) for row in rows]
        values = np.abs(moved).mean(axis=0) if graph is None else moved[0]
        order = np.argsort(-np.abs(values), kind="stable")
        return {self.names_[column]: float(values[column]) for column in order}

    def save(self, folder: str | Path, space: SearchSpace[Any] | None = None) -> None:
        """Write settings (JSON) and rows (npz) into a folder, made if need be; loading fits the model again.

        The folder appears whole, in place of a surrogate saved there before; other files in it stay.

        Parameters
        ----------
        folder
            Not the working directory.
        space
            The search space of the graphs. Its name and options are kept, so that texts of genotypes can be read as
            those of that space; without it, the record that a loaded surrogate came with. The name of a space that is
            not in the box is ``FILE.py:CLASS``, but its own if the class stands in ``__main__``, a function or no file.
        """
        self._check_fitted()
        settings = {
            "model": self.model,
            "features": self.features,
            "features_version": self.features_.version,
            "vocabulary": self.features_.vocabulary(),
            "extra": list(self.extra_names_),
            "random_state": int(self.random_state),
            "space": self.space_ if space is None else _record(space),
            "choice": None if self.choice_ is None else self.choice_.to_json(),
        }
        write_folder(Path(folder), settings, self.X_, self.y_)

    def _check_fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise ValueError("the surrogate has not been fitted: call fit(graphs, y) first")


def load_surrogate(folder: str | Path) -> Surrogate:
    """The surrogate of a folder that ``Surrogate.save`` wrote, fitted again on its rows.

    Raises
    ------
    ValueError
        If the folder holds no surrogate, a damaged one, or one of another schema or version of its features.
    """
    folder = Path(folder)
    settings, X, y = read_folder(folder)
    surrogate = Surrogate(settings["model"], settings["features"], settings["random_state"])
    try:
        features = get_features(settings["features"])
        if settings["features_version"] != features.version:
            found = settings["features_version"]
            raise ValueError(f"features {features.name!r} must be of version {features.version}, found {found}")
        features = features.with_vocabulary(settings["vocabulary"])
        choice = None if settings.get("choice") is None else Choice.from_json(settings["choice"])
        surrogate._fit(features, X, y, tuple(settings["extra"]), choice)
    except ValueError as error:
        raise damaged(folder / SETTINGS_FILE, error) from error
    surrogate.space_ = settings.get("space")
    return surrogate


def _record(space: SearchSpace[Any]) -> dict[str, Any]:
    """Name and options of a space as JSON values; a space without ``options`` is made without any."""
    options = space.options() if hasattr(space, "options") else {}
    kind, name = type(space), space.name
    in_the_box = kind.__module__.partition(".")[0] == "search_spaces"
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if file and not in_the_box and kind.__module__ != "__main__" and "." not in kind.__qualname__:
        name = f"{Path(file).resolve()}:{kind.__name__}"
    record: dict[str, Any] = json.loads(json.dumps({"name": name, "options": options}))
    return record


def _check_size(X: Floats, names: Sequence[str]) -> None:
    """Refuse rows, shape (n, len(names)), with numbers too large for trees."""
    too_large = np.abs(X) > LARGEST  # nan is not
    if too_large.any():
        row, column = np.argwhere(too_large)[0]
        raise ValueError(f"{names[column]} must lie within +-{LARGEST:.3g}, found {X[row, column]:.3g} in row {row}")


def _columns(extra: Extra, n: int) -> dict[str, Floats]:
    """The extra columns as arrays of shape (n, 1)."""
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in extra.items()}
    for name, values in columns.items():
        if values.shape != (n,) or (np.abs(values) > LARGEST).any():
            found = f"shape {values.shape}" if values.shape != (n,) else f"{np.nanmax(np.abs(values))}"
            raise ValueError(f"extra column {name!r} must hold {n} numbers, finite or nan, found {found}")
    return {name: values[:, None] for name, values in columns.items()}
