"""`nasgen serve` asked over a socket: answers, reasons, and what it says of itself."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from contracts.landscape import SPACE as CELLS
from lookup_search import Say
from served import GENOTYPES, SMALL, TEXTS, Client, save, served

TOO_WIDE = '{"space":"cnn","ops":["input","conv3x3:8","conv3x3:999","output"],"edges":[[0,1],[1,2],[2,3]]}'


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A surrogate whose model multiplies matrices."""
    return save(tmp_path_factory.mktemp("serving") / "saved", "ensemble")


@pytest.fixture(scope="module")
def client(saved: Path) -> Iterator[Client]:
    with served(saved) as client:
        yield client


def as_predicted(say: Say, source: Path, lines: Path, *words: str) -> list[Any]:
    """What ``nasgen predict --json`` prints."""
    return [json.loads(line) for line in say("predict", source, lines, "--json", *words).out.splitlines()]


@pytest.mark.parametrize("explain", [False, True])
def test_answers_are_those_of_predict(client: Client, saved: Path, tmp_path: Path, say: Say, explain: bool) -> None:
    lines = tmp_path / "lines"
    texts = [*TEXTS[:2], "rubbish"] if explain else [*TEXTS, "rubbish", TOO_WIDE, TEXTS[0]]
    lines.write_text("\n".join(texts))
    got = client.post({"genotypes": texts, "explain": explain})
    assert got.status == 200
    assert got.json["answers"] == as_predicted(say, saved, lines, *["--explain"] * explain)
    assert list(got.json["answers"][0]) == ["genotype", "fitness", "std", *["contributions"] * explain]

    lines.write_text(TEXTS[3])
    got = client.post({"genotype": TEXTS[3], "explain": explain})
    assert (got.status, [got.json]) == (200, as_predicted(say, saved, lines, *["--explain"] * explain))


def test_an_answer_does_not_hang_on_what_else_is_asked_but_for_its_last_digits(client: Client) -> None:
    alone = [client.fitness(text) for text in TEXTS]
    with ThreadPoolExecutor(16) as pool:
        at_once = list(pool.map(client.fitness, TEXTS))
        crowd = pool.map(
            lambda _: client.post({"genotypes": ["rubbish", *TEXTS[::-1]]}).json["answers"][:0:-1], range(8)
        )
        # a product of matrices rounds by their number of rows
        for answers in crowd:
            np.testing.assert_allclose([answer["fitness"] for answer in answers], alone, 1e-12)
    np.testing.assert_allclose(at_once, alone, 1e-12)


def test_a_run_is_served_too(run: Path, tmp_path: Path, say: Say) -> None:
    texts = [CELLS.encode(CELLS.sample(np.random.default_rng(seed))) for seed in range(3)]
    (tmp_path / "lines").write_text("\n".join(texts))
    with served(run) as client:
        assert client.post({"genotypes": texts}).json["answers"] == as_predicted(say, run, tmp_path / "lines")
        assert client.get("/health").json["space"] == "nasbench201"
        assert texts[0].startswith("|")
        assert "|nor_conv" in client.get("/docs").text or "|avg_pool" in client.get("/docs").text


def test_a_lone_malformed_genotype_is_refused_with_its_reason(client: Client) -> None:
    for text in ("rubbish", "", "\x00", "é\u2028x", TOO_WIDE, "[" * 100_000):
        client.refused({"genotype": text}, 422)
    client.refused({"genotype": TEXTS[0], "explian": True}, 422, "found the field 'explian'")
    assert "vertex 2 (conv3x3:999)" in client.post({"genotype": TOO_WIDE}).json["error"]


def test_nothing_is_asked_and_nothing_answered(client: Client) -> None:
    assert client.post({"genotypes": []}).json == {"answers": []}


def test_health_tells_what_is_served(client: Client) -> None:
    assert client.get("/health").json == {
        "status": "ok",
        "model": "ensemble",
        "members": ["extra-trees", "xgboost", "gp"],
        "rows": 40,
        "space": "cnn",
    }


def test_the_docs_need_nothing_from_elsewhere_and_their_examples_work(client: Client) -> None:
    got = client.get("/docs")
    assert (got.status, got.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert not re.search(r"<script|<link|<img|@import|url\(|src=", got.text)
    assert set(re.findall(r"https?://[^/\s]+", got.text)) == {f"http://127.0.0.1:{client.port}"}
    examples = [shlex.split(html.unescape(each)) for each in re.findall(r"<pre>(curl .*?)</pre>", got.text)]
    assert [words[:3] for words in examples[:2]] == [["curl", "-s", f"http://127.0.0.1:{client.port}/predict"]] * 2
    assert examples[2] == ["curl", "-s", f"http://127.0.0.1:{client.port}/health"]
    said = [client.post(words[words.index("-d") + 1].encode()).json for words in examples[:2]]
    assert set(said[0]) == {"genotype", "fitness", "std"}
    assert [set(each) for each in said[1]["answers"]] == [{"genotype", "fitness", "std"}, {"genotype", "error"}]


def test_the_schema_tells_the_truth(client: Client) -> None:
    schema = client.get("/openapi.json").json
    assert set(schema["paths"]) == {"/health", "/predict"}
    post = schema["paths"]["/predict"]["post"]

    def matches(part: Any, value: Any) -> bool:
        whole = {**part["content"]["application/json"]["schema"], "components": schema["components"]}
        return bool(jsonschema.Draft202012Validator(whole).is_valid(value))

    good = [{"genotype": TEXTS[0]}, {"genotypes": [TEXTS[0], "?"]}, {"genotypes": [], "explain": False}]
    good += [{"genotypes": [TEXTS[0]], "explain": True}, {"genotype": "?"}]
    bad = [
        {},
        {"genotype": 1},
        {"genotype": "a", "genotypes": []},
        {"genotype": "a", "x": 1},
        {"genotypes": ["?"] * 301},
    ]
    for value in [*good, *bad]:
        got = client.post(value)
        assert matches(post["requestBody"], value) == (value in good)
        assert (got.status in (400, 413, 422)) == (value in bad or value == {"genotype": "?"})
        assert matches(post["responses"][str(got.status)], got.json), value
    assert matches(schema["paths"]["/health"]["get"]["responses"]["200"], client.get("/health").json)


@pytest.mark.parametrize(
    "raise_it", [KeyError("gone"), RuntimeError("at /tmp/secret.py")], ids=lambda error: str(error)
)
def test_what_fails_in_a_space_of_ones_own_spoils_one_answer_and_is_told_on_stderr(
    client: Client, monkeypatch: pytest.MonkeyPatch, raise_it: Exception
) -> None:
    decode: Callable[[Any, str], Any] = type(SMALL).decode

    def moody(self: Any, text: str) -> Any:
        if text == "moody":
            raise raise_it
        return decode(self, text)

    monkeypatch.setattr(type(SMALL), "decode", moody)
    first, second = client.post({"genotypes": ["moody", TEXTS[0]]}).json["answers"]
    assert first["error"] == f"the search space failed on it with {type(raise_it).__name__}"
    assert second["fitness"] == client.fitness(TEXTS[0])
    assert client.said.pop().startswith(f"nasgen: the search space failed on a genotype: {type(raise_it).__name__}: ")
    assert client.said == []


def test_a_graph_too_large_for_the_model_spoils_one_answer(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    to_graph = type(SMALL).to_graph

    def huge(self: Any, genotype: Any) -> Any:
        graph = to_graph(self, genotype)
        if genotype == GENOTYPES[1]:
            graph = type(graph)(graph.ops, graph.edges, {**graph.attributes, "macs": [1e300] * len(graph)})
        return graph

    monkeypatch.setattr(type(SMALL), "to_graph", huge)
    first, second, third = client.post({"genotypes": TEXTS[:3]}).json["answers"]
    assert "must lie within" in second["error"]
    assert first["fitness"] == client.fitness(TEXTS[0])
    assert third["fitness"] == client.fitness(TEXTS[2])
    client.refused({"genotype": TEXTS[1]}, 422, "must lie within")


def test_a_defect_is_told_on_stderr_and_not_to_whoever_asked(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasgen.serving.predicting.answers_of", lambda *_: 1 / 0)
    got = client.post({"genotype": TEXTS[0]})
    assert (got.status, got.json) == (500, {"error": "the prediction failed"})
    assert client.said.pop() == "nasgen: a prediction failed: ZeroDivisionError: division by zero"
