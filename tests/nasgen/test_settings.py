"""What a user may ask for, what it resolves to, and what is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from training_settings import settings as training

from nasgen.errors import InputError
from nasgen.planning.resolve import resolve
from nasgen.settings import Arguments, Settings, read_arguments
from nasgen.storage.fingerprint import check_fingerprint, folder_hash, identity
from nasgen.storage.folder import RunFolder


def lookup(cells: Path, **values: Any) -> Arguments:
    base = {"out": "run", "space": "nasbench201", "table": str(cells), "fitness": "fitness", "evaluations": 60}
    return read_arguments(**{**base, **values})


def go_on(then: Any, now: Any) -> None:
    """Check two identities in one environment, the first as run.json has it."""
    environment: dict[str, Any] = {"torch": "2.5"}
    values = {"identity": json.loads(json.dumps(then)), "environment": environment}
    check_fingerprint(values, {"identity": now, "environment": environment}, accept_environment=True)


def settled(cells: Path, tmp_path: Path, **values: Any) -> Settings:
    return resolve(lookup(cells, **values), RunFolder(tmp_path), print).settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"evaluations": None}, "expected a budget, found none"),
        ({"evaluations": 0}, "--evaluations: .*found 0"),
        ({"evaluations": "many"}, "--evaluations: .*found 'many'"),
        ({"minutes": 0.0}, "--minutes: .*found 0.0"),
        ({"minutes": float("nan")}, "--minutes"),
        ({"seed": -1}, "--seed: .*found -1"),
        ({"window": 0}, "--window: .*found 0"),
        ({"workers": 0}, "--workers: .*found 0"),
        ({"population": 1}, "--population: .*found 1"),
        ({"threads": 0}, "--threads: .*found 0"),
        ({"deadline": -1}, "--deadline: .*found -1"),
        ({"space": "resnet"}, "--space must be one of cnn, .*found 'resnet'"),
        ({"strategy": "magic"}, "--strategy must be one of evolution, .*found 'magic'"),
        ({"executor": "threads"}, "--executor: .*found 'threads'"),
        ({"profile": "best"}, "--profile: .*found 'best'"),
        ({"augment": "mixup"}, "--augment: .*found 'mixup'"),
        ({"baseline": "evolution"}, "--baseline: .*found 'evolution'"),
        ({"fitness": None}, "--table FILE.csv and --fitness COLUMN go together"),
        ({"task": "digits"}, "--task or from --table, found both"),
        ({"table": None, "fitness": None}, "nasbench201 looks its fitness up"),
        ({"executor": "inline", "workers": 2}, "--executor inline has one worker, found --workers 2"),
        ({"objectives": ("fitness", "fitness")}, "--objectives must differ"),
        ({"objectives": ("fitness", "parameters", "+parameters")}, "--objectives must differ"),
        ({"objectives": ("parameters", "fitness")}, "--objectives must begin with fitness, found parameters"),
        ({"strategy": "nsga2"}, "--strategy nsga2 needs two --objectives"),
        ({"bonus": {"flops": 1.0}}, "--bonus is added to the accuracy of trainings, found --table: leave --bonus out"),
        ({"bonus": {"flops": float("inf")}}, "--bonus: .*finite number, found inf"),
        ({"bonus": {"flops": "much"}}, "--bonus: .*found 'much'"),
        ({"bonus": {"flops": True}}, "--bonus: .*found True"),
        ({"colour": "red"}, "--colour"),
    ],
)
def test_refusals_name_the_option_and_what_was_found(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        lookup(Path("t.csv"), **values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"curve_stop": True}, "--curve-stop"),
        ({"strategy": "nsga2", "objectives": ("accuracy", "macs")}, "--objectives accuracy,macs"),
    ],
)
def test_a_bonus_goes_with_one_fitness_and_whole_trainings(values: dict[str, Any], found: str) -> None:
    with pytest.raises(InputError, match=f"^--bonus .* found {found}: leave one of the two out$"):
        read_arguments(out="run", evaluations=3, bonus={"macs": -1e-9}, **values)


def test_a_bonus_and_a_saved_surrogate_are_not_of_one_fitness(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"^--bonus .* found --surrogate {tmp_path}, fitted before: take auto or"):
        read_arguments(out="run", evaluations=3, bonus={"macs": -1e-9}, surrogate=str(tmp_path))


def test_settings_leave_nothing_open(cell_table: Path, tmp_path: Path) -> None:
    settings = settled(cell_table, tmp_path)
    assert (settings.window, settings.workers, settings.executor) == (1, 1, "inline")
    assert settings.table == str(cell_table.resolve())
    assert settings.objectives == ("fitness",)
    assert not settings.trains
    assert list(tmp_path.iterdir()) == []


def test_settings_survive_json(cell_table: Path, tmp_path: Path) -> None:
    settings = settled(cell_table, tmp_path, strategy="nsga2", objectives=("fitness", "+parameters"), population=8)
    assert Settings(**json.loads(json.dumps(settings.model_dump(mode="json")))) == settings
    assert settings.evaluator_spec() == {
        "kind": "table",
        "table": settings.table,
        "fitness": "fitness",
        "objectives": ["parameters"],
    }


def test_workers_make_processes(cell_table: Path, tmp_path: Path) -> None:
    settings = settled(cell_table, tmp_path, workers=3)
    assert (settings.workers, settings.executor) == (3, "processes")
    assert settled(cell_table, tmp_path, executor="processes").workers == 1


def test_population_reaches_the_strategies_that_have_one(cell_table: Path, tmp_path: Path) -> None:
    for strategy in ("evolution", "regularized-evolution"):
        assert settled(cell_table, tmp_path, population=7, strategy=strategy).strategy_options["population"] == 7
    assert settled(cell_table, tmp_path, population=7, strategy="random").strategy_options == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fitness": "speed"}, "expected a column 'speed', found arch_str, fitness, parameters, comment"),
        ({"fitness": "comment"}, "column 'comment' must be numeric"),
        ({"table": "nowhere.csv"}, "found no file nowhere.csv"),
        ({"objectives": ("fitness", "+latency")}, "expected a column 'latency'"),
        ({"surrogate": "magic"}, "--surrogate must be off, auto, "),
        ({"surrogate": "xgboost", "strategy": "random"}, "--surrogate goes with --strategy evolution and nsga2"),
        ({"strategy": "gone.py:Mine"}, "found no gone.py"),
    ],
)
def test_what_is_not_there_is_refused(cell_table: Path, tmp_path: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        settled(cell_table, tmp_path, **values)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "seed was 0, is 1"),
        ({"window": 3}, "window was 1, is 3"),
        ({"strategy": "random"}, "strategy was evolution, is random"),
        ({"surrogate": "off"}, "surrogate was auto, is off"),
        ({"population": 9}, "strategy_options was {"),
        (
            {"fitness": "parameters", "objectives": ("parameters",)},
            "fitness was fitness, is parameters; objectives was",
        ),
        ({"profile": "paper"}, "profile was default, is paper"),
        ({"threads": 2}, "threads was 1, is 2"),
    ],
)
def test_identity_is_everything_that_decides_a_row(
    cell_table: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    then = identity(settled(cell_table, tmp_path), "hash")
    now = identity(settled(cell_table, tmp_path, **change), "hash")
    with pytest.raises(InputError) as caught:
        go_on(then, now)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_identity_holds_a_bonus_where_there_is_one() -> None:
    without, weighted = identity(training(), "hash"), identity(training(bonus={"macs": -1e-9}), "hash")
    assert "bonus" not in without  # as in runs from before there was any
    with pytest.raises(InputError, match=r"bonus was None, is \{'macs': -1e-09\}"):
        go_on(without, weighted)


@pytest.mark.parametrize("change", [{"workers": 3}, {"evaluations": 90}, {"minutes": 5.0}, {"executor": "processes"}])
def test_identity_leaves_the_rest_out(cell_table: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    settings = settled(cell_table, tmp_path)
    go_on(identity(settings, "hash"), identity(settings.model_copy(update=change), "hash"))


def test_identity_holds_the_data_and_the_users_own_files(cell_table: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "own.py"
    plugin.write_text("Mine = None\n")
    saved = tmp_path / "saved"
    saved.mkdir()
    settings = settled(cell_table, tmp_path / "run", strategy=f"{plugin}:Mine")
    settings = settings.model_copy(update={"surrogate": str(saved)})
    then = identity(settings, "hash")
    plugin.write_text("Mine = 1\n")
    (saved / "model.json").write_text("{}")
    with pytest.raises(InputError) as caught:
        go_on(then, identity(settings, "other hash"))
    assert all(f"{name}_hash was" in str(caught.value) for name in ("data", "strategy", "surrogate"))


def test_folders_hash_by_names_and_contents(tmp_path: Path) -> None:
    hashes = [folder_hash(tmp_path)]
    for path, text in (("a", "1"), ("a", "2"), ("b", "2")):
        (tmp_path / path).write_text(text)
        hashes.append(folder_hash(tmp_path))
    (tmp_path / "a").rename(tmp_path / "c")
    assert len({*hashes, folder_hash(tmp_path)}) == 5


def test_another_environment_is_refused_and_named_unless_accepted() -> None:
    then, same, other = ({"identity": {}, "environment": {"torch": torch}} for torch in ("2.5", "2.5", "2.6"))
    check_fingerprint(then, same, accept_environment=False)
    with pytest.raises(InputError, match=r"torch was 2\.5, is 2\.6; --accept-environment goes on with it"):
        check_fingerprint(then, other, accept_environment=False)
    check_fingerprint(then, other, accept_environment=True)


@pytest.mark.parametrize("accepted", [False, True])
def test_rows_of_bfloat16_from_before_networks_were_bound_are_never_mixed(accepted: bool) -> None:
    """Their gradients may hold what lay in memory (docs/decisions/0024)."""
    environment = {"device": "cpu", "cpu": ["avx2", "avx512_bf16"]}
    then = {"identity": identity(training(), "hash"), "environment": environment}
    now = {"identity": identity(training(), "hash", "kernels cut to the map"), "environment": environment}
    with pytest.raises(InputError, match=r"networks was None, is kernels cut to the map \(it was trained in bfloat16"):
        check_fingerprint(then, now, accepted)
    check_fingerprint(now, now, accepted)


@pytest.mark.parametrize(
    "environment",
    [
        {"device": "cpu", "cpu": ["avx2"]},
        {"device": "cpu", "cpu": ["amx_bf16", "avx512_bf16"]},
        {"device": "NVIDIA H200, CUDA 13.0", "cpu": ["avx512_bf16"]},
    ],
)
def test_other_rows_from_then_are_right_and_may_be_gone_on_from(environment: dict[str, Any]) -> None:
    then = {"identity": identity(training(), "hash"), "environment": environment}
    now = {"identity": identity(training(), "hash", "kernels cut to the map"), "environment": environment}
    message = "environment has changed: networks was None, is kernels cut to the map; --accept-environment"
    with pytest.raises(InputError, match=message):
        check_fingerprint(then, now, accept_environment=False)
    check_fingerprint(then, now, accept_environment=True)


def test_networks_built_in_yet_another_way_are_refused_everywhere() -> None:
    then, now = (
        {"identity": identity(training(), "hash", way), "environment": {"device": "cpu", "cpu": []}}
        for way in ("kernels cut to the map", "turned around")
    )
    with pytest.raises(InputError, match="networks was kernels cut to the map, is turned around; start a new run"):
        check_fingerprint(then, now, accept_environment=True)
