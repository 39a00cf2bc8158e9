"""Saved surrogates: what comes back, what is refused, and what a kill or an error in between leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.surrogate_contract import CHAIN, FITNESS, GRAPHS

from predictors import Surrogate, load_surrogate
from search_spaces import get_space

SETTINGS, ROWS = "surrogate.json", "rows.npz"
FLIPS = 400
CHOICE = {"members": ["gp"], "ranks": True, "slope": 1.0, "intercept": 0.0, "width": 1.0, "tau": 0.5}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A small saved surrogate, most of whose rows file is headers."""
    folder = tmp_path / "saved"
    Surrogate("mean", "paths").fit([CHAIN] * 3, [0.1, 0.2, 0.6], {"x": [1.0, 2.0, float("nan")]}).save(folder)
    return folder


def refused(folder: Path, name: str, message: str) -> None:
    """Loading says in one line which file is damaged and what to do."""
    with pytest.raises(ValueError, match=message) as caught:
        load_surrogate(folder)
    says_what_to_do(caught.value, folder / name)


def says_what_to_do(error: ValueError, path: Path) -> None:
    (line,) = str(error).splitlines()
    assert line.startswith(f"{path}: ")
    assert line.endswith(": fit the surrogate again")


def change(folder: Path, **values: Any) -> None:
    path = folder / SETTINGS
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"schema": 99}, "must be of schema 2, found 99"),
        ({"schema": 1}, "must be of schema 2, found 1"),
        ({"features_version": 99}, "must be of version 4, found 99"),
        ({"features_version": True}, "'features_version' must be a int, found True"),
        ({"model": "oracle"}, "model must be one of"),
        ({"features": "all"}, "features must be one of"),
        ({"extra": [["a"]]}, r"texts for names, found \[\['a'\]\]"),
        ({"extra": ["edges"]}, "names of their own, found 'edges'"),
        ({"extra": []}, "columns, found shape"),
        ({"vocabulary": {}}, "the vocabulary's ops must be a list of texts, found None"),
        ({"vocabulary": {"ops": [["a"]], "attributes": [], "info": []}}, r"a list of texts, found \[\['a'\]\]"),
        ({"vocabulary": {"ops": ["a", "a"], "attributes": [], "info": []}}, "sorted and differ"),
        ({"features": "default", "features_version": 1001}, r"'default' must be of version \d+, found 1001"),
        ({"random_state": -1}, r"'random_state' must be in 0\.\.2\*\*32 - 1, found -1"),
        ({"random_state": 10**30}, "'random_state' must be in"),
        ({"choice": "gp"}, "'choice' must be null or an object, found 'gp'"),
        ({"choice": []}, r"'choice' must be null or an object, found \[\]"),
        ({"choice": {}}, "a choice holds members, ranks, slope, intercept, width and tau, found {}"),
        ({"choice": {**CHOICE, "tau": 2}}, "a choice holds null or a tau from -1 to 1"),
        ({"choice": CHOICE, "model": "ensemble"}, r"must be of extra-trees\+xgboost\+gp, found gp"),
        ({"choice": {**CHOICE, "members": ["oracle"]}}, "a choice holds names of xgboost, .*'oracle'"),
        ({"choice": {**CHOICE, "members": [["gp"]]}}, "a choice holds names of xgboost"),
        ({"choice": {**CHOICE, "members": []}}, "a choice holds names of xgboost"),
        ({"choice": {**CHOICE, "ranks": 1}}, "a choice holds names of xgboost, .* and whether on ranks"),
        ({"choice": {**CHOICE, "slope": float("nan")}}, "a choice holds finite numbers"),
        ({"choice": {**CHOICE, "intercept": 10**400}}, "a choice holds members, ranks"),
        ({"choice": {**CHOICE, "width": -1}}, "a choice holds finite numbers, a rising line and a width"),
        ({"choice": {**CHOICE, "width": "wide"}}, "a choice holds members, ranks"),
        ({"space": "cnn"}, "'space' must be null or a name and options"),
        ({"space": {"name": "cnn"}}, "'space' must be null or a name and options"),
    ],
    ids=str,
)
def test_damaged_settings_are_refused(saved: Path, values: dict[str, Any], message: str) -> None:
    change(saved, **values)
    refused(saved, SETTINGS, message)


def test_settings_that_lack_a_value_are_refused(saved: Path) -> None:
    whole = json.loads((saved / SETTINGS).read_text())
    for name in ("model", "features", "features_version", "vocabulary", "extra", "random_state"):
        (saved / SETTINGS).write_text(json.dumps({key: value for key, value in whole.items() if key != name}))
        refused(saved, SETTINGS, f"'{name}' must be a .*, found None")


def test_settings_hold_the_choice(tmp_path: Path) -> None:
    surrogate = Surrogate("gp").fit(GRAPHS, FITNESS)
    surrogate.save(tmp_path / "saved")
    stored = json.loads((tmp_path / "saved" / SETTINGS).read_text())["choice"]
    assert stored.keys() == CHOICE.keys()
    assert surrogate.choice_ is not None
    assert stored == surrogate.choice_.to_json()
    change(tmp_path / "saved", choice={**stored, "width": 2 * stored["width"]})
    wider = load_surrogate(tmp_path / "saved")
    (mean, std), (same, twice) = (one.predict(GRAPHS, return_std=True) for one in (surrogate, wider))
    np.testing.assert_array_equal(mean, same)
    np.testing.assert_allclose(twice, 2 * std)


def test_a_model_without_a_choice_saves_none(saved: Path) -> None:
    assert json.loads((saved / SETTINGS).read_text())["choice"] is None
    assert load_surrogate(saved).choice_ is None


@pytest.mark.parametrize("content", [b"", b"no json", b"[]", b"\xff\xfe", b"[" * 100_000], ids=lambda b: repr(b[:9]))
def test_settings_that_are_no_json_are_refused(saved: Path, content: bytes) -> None:
    (saved / SETTINGS).write_bytes(content)
    refused(saved, SETTINGS, "must be a JSON object")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda X, y: {"X": X},
        lambda X, y: {"X": X, "y": y.astype(str)},
        lambda X, y: {"X": X, "y": y[:2]},
        lambda X, y: {"X": X[:0], "y": y[:0]},
        lambda X, y: {"X": X[0], "y": y},
        lambda X, y: {"X": X.astype(object), "y": y},
        lambda X, y: {"X": np.where(X > 0, np.inf, X), "y": y},
        lambda X, y: {"X": np.where(X > 0, -1e200, X), "y": y},
        lambda X, y: {"X": X, "y": y * np.nan},
    ],
)
def test_damaged_rows_are_refused(saved: Path, spoil: Callable[[Any, Any], dict[str, Any]]) -> None:
    change(saved, model="xgboost")
    with np.load(saved / ROWS) as rows:
        X, y = rows["X"], rows["y"]
    np.savez(saved / ROWS, **spoil(X, y))
    refused(saved, ROWS, "damaged")


def test_rows_cut_short_are_refused(saved: Path) -> None:
    whole = (saved / ROWS).read_bytes()
    for damaged in (b"", b"no archive", whole[: len(whole) // 2], whole[1:]):
        (saved / ROWS).write_bytes(damaged)
        refused(saved, ROWS, "must hold the arrays X and y, but is damaged")


@pytest.mark.parametrize("name", [SETTINGS, ROWS])
def test_a_flipped_byte_is_refused_in_one_line_or_does_no_harm(saved: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    whole = (saved / name).read_bytes()
    before = load_surrogate(saved)
    loaded = 0
    for _ in range(FLIPS):
        flipped = bytearray(whole)
        flipped[rng.integers(len(whole))] = rng.integers(256)
        (saved / name).write_bytes(bytes(flipped))
        try:
            surrogate = load_surrogate(saved)
        except ValueError as error:
            says_what_to_do(error, saved / name)
        else:
            loaded += 1
            if name == ROWS:  # the checksums leave no number changed
                np.testing.assert_array_equal(surrogate.X_, before.X_)
                np.testing.assert_array_equal(surrogate.y_, before.y_)
    assert 0 < loaded < FLIPS / 2


def test_a_folder_without_a_surrogate_says_what_it_lacks(saved: Path) -> None:
    with pytest.raises(ValueError, match=r"found no surrogate\.json"):
        load_surrogate(saved / "nowhere")
    (saved / ROWS).unlink()
    with pytest.raises(ValueError, match=r"found no rows\.npz"):
        load_surrogate(saved)


def test_saved_predictions_do_not_follow_the_callers_array(tmp_path: Path) -> None:
    y = FITNESS.copy()
    surrogate = Surrogate("bayesian-ridge").fit(GRAPHS, y)
    y *= 100
    surrogate.save(tmp_path / "saved")
    np.testing.assert_array_equal(load_surrogate(tmp_path / "saved").predict(GRAPHS), surrogate.predict(GRAPHS))


@pytest.mark.parametrize("stop", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("at", ["numpy.savez", "pathlib.Path.write_text"])
def test_a_save_cut_short_leaves_the_old_one(
    saved: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException, at: str
) -> None:
    def cut_short(*_: Any, **__: Any) -> None:
        raise stop

    new = Surrogate("mean").fit(GRAPHS, FITNESS)
    with monkeypatch.context() as patch:
        patch.setattr(at, cut_short)
        with pytest.raises(type(stop)):
            new.save(saved)
    old = load_surrogate(saved)
    assert (old.features, len(old.y_)) == ("paths", 3)
    assert list(saved.parent.iterdir()) == [saved]


def test_a_new_one_takes_the_place_of_the_old_and_other_files_stay(saved: Path) -> None:
    (saved / "notes.txt").write_text("mine")
    (saved / "plots").mkdir()
    saved.chmod(0o700)
    Surrogate("mean").fit(GRAPHS, FITNESS).save(saved)
    assert len(load_surrogate(saved).y_) == len(GRAPHS)
    assert (saved / "notes.txt").read_text() == "mine"
    assert {path.name for path in saved.iterdir()} == {SETTINGS, ROWS, "notes.txt", "plots"}
    assert saved.stat().st_mode & 0o777 == 0o700
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.parametrize("renames", [0, 1])
def test_a_swap_cut_short_brings_the_old_one_back(saved: Path, monkeypatch: pytest.MonkeyPatch, renames: int) -> None:
    (saved / "notes.txt").write_text("mine")
    replace, left = Path.replace, [*range(renames)]

    def cut_short(path: Path, target: Path) -> Path:
        if left or path.name.startswith(f".{saved.name}-old-"):
            del left[:1]
            return replace(path, target)
        raise KeyboardInterrupt

    new = Surrogate("mean").fit(GRAPHS, FITNESS)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut_short)
        with pytest.raises(KeyboardInterrupt):
            new.save(saved)
    assert len(load_surrogate(saved).y_) == 3
    assert (saved / "notes.txt").read_text() == "mine"
    assert list(saved.parent.iterdir()) == [saved]


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="is saved in a folder, found the file"):
        Surrogate("mean").fit(GRAPHS, FITNESS).save(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_link_to_a_folder_stays_a_link(saved: Path) -> None:
    link = saved.with_name("link")
    link.symlink_to(saved)
    Surrogate("mean").fit(GRAPHS, FITNESS).save(link)
    assert link.is_symlink()
    assert len(load_surrogate(saved).y_) == len(GRAPHS)


def test_the_working_directory_is_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved)
    with pytest.raises(ValueError, match="a folder of its own, found the working directory"):
        load_surrogate(saved).save(".")


def test_the_search_space_is_kept(tmp_path: Path) -> None:
    surrogate = Surrogate("mean", random_state=np.int64(3)).fit(GRAPHS, FITNESS)  # type: ignore[arg-type]  # no int
    surrogate.save(tmp_path / "without")
    assert load_surrogate(tmp_path / "without").space_ is None

    space = get_space("cnn", input_shape=(1, 8, 8), depth=(2, 4))
    surrogate.save(tmp_path / "with", space=space)
    loaded = load_surrogate(tmp_path / "with")
    assert loaded.space_ == {"name": "cnn", "options": space.options()}
    assert repr(get_space(loaded.space_["name"], **loaded.space_["options"])) == repr(space)

    loaded.save(tmp_path / "again")
    assert load_surrogate(tmp_path / "again").space_ == loaded.space_
    assert loaded.fit(GRAPHS, FITNESS).space_ is None, "a new fit may be on graphs of another space"


def test_options_become_json_values_and_a_space_need_not_have_any(tmp_path: Path) -> None:
    class Plain:
        name = "plain"

    class WithTuples(Plain):
        def options(self) -> dict[str, Any]:
            return {"depth": (2, 4), "shape": [(1, 2)]}

    surrogate = Surrogate("mean").fit(GRAPHS, FITNESS)
    for space, options in ((Plain(), {}), (WithTuples(), {"depth": [2, 4], "shape": [[1, 2]]})):
        surrogate.save(tmp_path / "saved", space=space)  # type: ignore[arg-type]  # no space but for what is read
        assert load_surrogate(tmp_path / "saved").space_ == {"name": "plain", "options": options}


def test_a_folder_written_before_spaces_were_kept_is_read(saved: Path) -> None:
    settings = json.loads((saved / SETTINGS).read_text())
    del settings["space"]
    (saved / SETTINGS).write_text(json.dumps(settings))
    assert load_surrogate(saved).space_ is None
