"""Queries of runs and of saved surrogates: whose space reads the genotypes, and what malformed lines are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from contracts.landscape import SPACE as CELLS
from typer.testing import CliRunner

from nasgen.cli.app import app
from nasgen.errors import InputError
from predictors import Surrogate
from search_spaces import get_space

SMALL = get_space("cnn", input_shape=(1, 8, 8), depth=(2, 4))
DEFAULT = get_space("cnn")
GENOTYPES = [SMALL.sample(np.random.default_rng(seed)) for seed in range(30)]
TEXTS = [SMALL.encode(genotype) for genotype in GENOTYPES]
SHALLOW = '{"space":"cnn","ops":["input","conv3x3:8","output"],"edges":[[0,1],[1,2]]}'
TOO_WIDE = '{"space":"cnn","ops":["input","conv3x3:8","conv3x3:999","output"],"edges":[[0,1],[1,2],[2,3]]}'

Predict = Callable[..., Result]


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    graphs = [SMALL.to_graph(genotype) for genotype in GENOTYPES]
    return Surrogate("bayesian-ridge").fit(graphs, [np.log(graph.info["macs"]) for graph in graphs])


@pytest.fixture(scope="module")
def with_space(surrogate: Surrogate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("with") / "saved"
    surrogate.save(folder, space=SMALL)
    return folder


@pytest.fixture(scope="module")
def without_space(surrogate: Surrogate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("without") / "saved"
    surrogate.save(folder)
    return folder


@pytest.fixture
def predict(tmp_path: Path) -> Predict:
    """Asks about the lines of a file."""

    def ask(source: Path, lines: list[str], *words: str) -> Result:
        (tmp_path / "lines").write_text("\n".join(lines))
        return CliRunner().invoke(app, ["predict", str(source), str(tmp_path / "lines"), "--json", *words])

    return ask


def answers(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def fitness(result: Result) -> list[float]:
    return [answer["fitness"] for answer in answers(result)]


def test_genotypes_are_read_as_those_of_the_space_it_was_saved_with(
    predict: Predict, with_space: Path, surrogate: Surrogate
) -> None:
    said = predict(with_space, TEXTS)
    assert (said.exit_code, said.stderr) == (0, "")
    np.testing.assert_array_equal(fitness(said), surrogate.predict([SMALL.to_graph(one) for one in GENOTYPES]))
    elsewhere = surrogate.predict([DEFAULT.to_graph(one) for one in GENOTYPES])
    assert np.abs(np.subtract(fitness(said), elsewhere)).min() > 0.1


def test_without_a_space_they_are_read_as_those_of_the_space_they_name_which_is_said_once(
    predict: Predict, without_space: Path, surrogate: Surrogate
) -> None:
    genotypes = [DEFAULT.sample(np.random.default_rng(seed)) for seed in range(3)]
    said = predict(without_space, [DEFAULT.encode(one) for one in genotypes])
    assert said.exit_code == 0
    np.testing.assert_array_equal(fitness(said), surrogate.predict([DEFAULT.to_graph(one) for one in genotypes]))
    (line,) = said.stderr.splitlines()
    assert line.startswith(f"nasgen: {without_space}: ")
    assert "save(folder, space=space)" in line
    assert 'get_space("cnn")' in line


def test_genotypes_that_are_not_valid_are_refused(predict: Predict, with_space: Path, without_space: Path) -> None:
    for source, lines in ((with_space, [SHALLOW, TOO_WIDE]), (without_space, [SHALLOW, TOO_WIDE, TEXTS[0]])):
        said = predict(source, lines)
        assert said.exit_code == 1
        for number, answer in enumerate(answers(said), start=1):
            assert answer["error"].startswith("not a valid genotype of the space cnn: ")
            assert f"line {number}: {answer['error']}" in said.stderr


MALFORMED = [
    "[" * 2000,
    '{"space":' * 2000,
    "|" * 2000,
    "rubbish",
    "{}",
    '{"space":7}',
    '{"space":"elsewhere"}',
    '{"space":"cnn"}',
    '{"space":"cnn","ops":["input","output"],"edges":[[0,1],[1,0]]}',
    '{"space":"cnn","ops":["input","output"],"edges":[[0,' + "9" * 5000 + "]]}",
    "|nor_conv_1x1~0|",
    "\x00",
    "\u00e9\u2028x",
]


@pytest.mark.parametrize("line", MALFORMED, ids=lambda line: repr(line[:40]))
@pytest.mark.parametrize("kind", ["with_space", "without_space", "run"])
def test_a_malformed_line_is_answered_by_its_number_and_the_others_by_their_fitness(
    predict: Predict, kind: str, line: str, request: pytest.FixtureRequest
) -> None:
    good = {
        "with_space": TEXTS[0],
        "without_space": DEFAULT.encode(DEFAULT.sample(np.random.default_rng(0))),
        "run": CELLS.encode(CELLS.sample(np.random.default_rng(0))),
    }[kind]
    answered_between(predict, request.getfixturevalue(kind), line, good)


@pytest.mark.parametrize("kind", ["with_space", "without_space"])
def test_lines_nested_without_end_are_malformed_too(
    predict: Predict, kind: str, request: pytest.FixtureRequest
) -> None:
    good = DEFAULT.encode(DEFAULT.sample(np.random.default_rng(0))) if kind == "without_space" else TEXTS[0]
    for line in ("[" * 100_000, '{"space":' * 100_000):
        answered_between(predict, request.getfixturevalue(kind), line, good)


def answered_between(predict: Predict, source: Path, line: str, good: str) -> None:
    """A malformed line between two good ones has its number and reason on stderr, and the good ones their fitness."""
    said = predict(source, [good, line, "", good])
    assert said.exit_code == 1
    assert isinstance(said.exception, SystemExit)
    first, error, last = answers(said)
    assert first["fitness"] == last["fitness"]
    assert error["error"]
    (told,) = [each for each in said.stderr.split("\n") if "line 2" in each]
    assert told.endswith(f"lines, line 2: {error['error']}")
    assert len(told) < 600


class Overwhelmed(type(CELLS)):  # type: ignore[misc]  # a class that is known when this runs
    """A space of one's own whose reading overflows and whose checks recurse too deep."""

    def decode(self, text: str) -> Any:
        if text == "huge":
            raise OverflowError("int too large to convert to float")
        return super().decode(text)

    def validate(self, genotype: Any) -> list[str]:
        if set(genotype.ops) == {"none"}:
            raise RecursionError("maximum recursion depth exceeded")
        return super().validate(genotype)


def test_whatever_a_space_raises_of_bad_numbers_and_depths_is_a_reason(
    predict: Predict, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nasgen.results.querying.build_space", lambda name, options: Overwhelmed())
    cell = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    said = predict(run, ["huge", cell.replace("nor_conv_3x3", "none"), cell])
    assert said.exit_code == 1
    assert [answer.get("error") for answer in answers(said)] == [
        "int too large to convert to float",
        "maximum recursion depth exceeded",
        None,
    ]


def test_stdin_of_broken_text_is_answered_line_by_line(with_space: Path) -> None:
    lines = b"\xff\xfe\n" + TEXTS[0].encode() + b"\n"
    said = CliRunner().invoke(app, ["predict", str(with_space), "-"], input=lines)
    assert said.exit_code == 1
    first, second = said.stdout.splitlines()
    assert first == "nan\tnan"
    assert len([float(part) for part in second.split("\t")]) == 2
    assert "-, line 1: a genotype must be one line of JSON" in said.stderr


def test_sources_that_cannot_answer_are_refused_at_the_door(
    predict: Predict, with_space: Path, without_space: Path, tmp_path: Path, surrogate: Surrogate
) -> None:
    def refused(source: Path, message: str) -> None:
        with pytest.raises(InputError, match=message) as caught:
            raise predict(source, TEXTS).exception or AssertionError("answered")
        assert len(str(caught.value).splitlines()) == 1

    refused(tmp_path, "expected the folder of a run or of a saved surrogate")

    path = tmp_path / "saved"
    Surrogate("mean").fit([SMALL.to_graph(one) for one in GENOTYPES], range(30), {"synflow": range(30)}).save(path)
    refused(path, "fitted on graphs alone, found the extra columns synflow")

    for record, message in (
        ({"name": "mine", "options": {}}, "space must be one of"),
        ({"name": "cnn", "options": {"input_shape": [0, 1, 2]}}, "input_shape must be"),
        ({"name": "cnn", "options": {"colour": "red"}}, "colour"),
    ):
        surrogate.save(path)
        settings = json.loads((path / "surrogate.json").read_text())
        (path / "surrogate.json").write_text(json.dumps({**settings, "space": record}))
        refused(path, f"saved with a space that cannot be made: .*{message}")


def test_files_that_are_not_there_are_refused_before_the_first_is_answered(with_space: Path, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text(TEXTS[0])
    said = CliRunner().invoke(app, ["predict", str(with_space), str(tmp_path / "lines"), str(tmp_path / "gone")])
    assert isinstance(said.exception, InputError)
    assert str(said.exception).endswith(f"found no file {tmp_path / 'gone'}")
    assert said.stdout == ""


def test_files_without_a_genotype_are_refused(predict: Predict, with_space: Path) -> None:
    said = predict(with_space, ["", "  "])
    assert isinstance(said.exception, InputError)
    assert str(said.exception).startswith("expected genotypes, one a line, found none in ")
    assert said.stdout == ""


def test_a_surrogate_that_ranks_nothing_warns(predict: Predict, with_space: Path, tmp_path: Path) -> None:
    """Targets that have nothing to do with the graphs, against those that are numbers of theirs."""
    graphs = [SMALL.to_graph(one) for one in GENOTYPES]
    assert "warning: little is known" not in predict(with_space, TEXTS[:1]).stderr
    chance = Surrogate("bayesian-ridge").fit(graphs, np.random.default_rng(0).normal(size=len(graphs)))
    assert chance.choice_ is not None
    assert chance.choice_.tau is not None
    assert chance.choice_.tau < 0.2
    chance.save(tmp_path / "chance", space=SMALL)
    said = predict(tmp_path / "chance", TEXTS[:1])
    assert said.exit_code == 0
    assert len(answers(said)) == 1
    (line,) = said.stderr.splitlines()
    assert line.endswith(f"of {len(graphs)} rows held out in turn Kendall tau is {chance.choice_.tau:.2f}")


def test_a_batch_more_than_is_answered_at_once_is_answered_in_order(
    predict: Predict, with_space: Path, surrogate: Surrogate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nasgen.results.querying.BATCH", 7)
    said = predict(with_space, [*TEXTS, "rubbish", TEXTS[0]])
    expected = surrogate.predict([SMALL.to_graph(one) for one in GENOTYPES])
    got = answers(said)
    # a product of matrices rounds by their number of rows
    np.testing.assert_allclose([answer["fitness"] for answer in [*got[:30], got[31]]], [*expected, expected[0]], 1e-12)
    assert "line 31: " in said.stderr
