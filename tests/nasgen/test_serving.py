"""`nasgen serve` asked over a socket: answers, refusals, limits, and what it says of itself."""

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
from served import Client, served

from nasgen.serving.predicting import MOST_CHARACTERS
from predictors import Surrogate
from search_spaces import get_space

SMALL = get_space("cnn", input_shape=(1, 8, 8), depth=(2, 4))
GENOTYPES = [SMALL.sample(np.random.default_rng(seed)) for seed in range(40)]
TEXTS = [SMALL.encode(genotype) for genotype in GENOTYPES]
TOO_WIDE = '{"space":"cnn","ops":["input","conv3x3:8","conv3x3:999","output"],"edges":[[0,1],[1,2],[2,3]]}'
MAX_BODY, MAX_BATCH = 1 << 20, 300


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A surrogate whose model multiplies matrices."""
    folder = tmp_path_factory.mktemp("serving") / "saved"
    graphs = [SMALL.to_graph(genotype) for genotype in GENOTYPES]
    surrogate = Surrogate("ensemble").fit(graphs, [np.log(graph.info["macs"]) for graph in graphs])
    surrogate.save(folder, space=SMALL)
    return folder


@pytest.fixture(scope="module")
def client(saved: Path) -> Iterator[Client]:
    with served(saved, MAX_BODY, MAX_BATCH) as client:
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
        refused(client, {"genotype": text}, 422)
    assert "vertex 2 (conv3x3:999)" in client.post({"genotype": TOO_WIDE}).json["error"]


def test_nothing_is_asked_and_nothing_answered(client: Client) -> None:
    assert client.post({"genotypes": []}).json == {"answers": []}


def refused(client: Client, body: Any, status: int, message: str = "", headers: dict[str, str] | None = None) -> None:
    """One line of JSON, and nothing of this machine in it."""
    got = client.post(body, headers)
    assert got.status == status, got
    assert set(got.json) == {"error"}
    assert len(got.json["error"].splitlines()) == 1
    assert len(got.json["error"]) < 600
    assert message in got.json["error"]
    assert not re.search(r"Traceback|\.py|File \"|/tmp|/home|/root", got.text)


BAD = [
    (b"", 400),
    (b"rubbish", 400),
    (b"\xff\xfe\x00", 400),
    (b'{"genotype": "\xff"}', 400),
    (b'{"genotype": "\\ud800"}', 400),
    (b'{"genotype": NaN}', 400),
    (b'{"genotype": Infinity}', 400),
    (b"[" * 500_000, 400),
    (b'{"a":' * 100_000, 400),
    (b'{"genotypes":' + b"[" * 300 + b"]" * 300 + b"}", 400),
    (b"null", 422),
    (b"[]", 422),
    (b'"text"', 422),
    (b"9" * 5000, 400),
    (b"{}", 422),
    (b'{"genotype": 1e999}', 422),
    (b'{"genotype": ' + b"9" * 5000 + b"}", 400),
    (b'{"genotype": null}', 422),
    (b'{"genotype": {"space": "cnn"}}', 422),
    (b'{"genotype": "a", "genotypes": []}', 422),
    (b'{"genotypes": "a"}', 422),
    (b'{"genotypes": {"a": 1}}', 422),
    (b'{"genotypes": [null]}', 422),
    (b'{"genotypes": ["a", ["b"]]}', 422),
    (b'{"genotype": "a", "explain": "yes"}', 422),
    (b'{"genotype": "a", "explian": true}', 422),
    (b'{"genotype": "a", "' + b"x" * 10_000 + b'": 1}', 422),
    (b"{" + b",".join(b'"%d":0' % number for number in range(50_000)) + b"}", 422),
    (b'{"genotypes": [' + b",".join([b"1"] * 200_000) + b"]}", 413),
]


@pytest.mark.parametrize(
    ("body", "status"), BAD, ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else ""
)
def test_bodies_that_ask_for_nothing_are_refused_in_one_line(client: Client, body: bytes, status: int) -> None:
    refused(client, body, status)
    refused(client, body, status, headers={"Content-Type": "application/json; charset=utf-16"})


def test_whatever_the_bytes_there_is_an_answer_and_no_defect(client: Client) -> None:
    rng = np.random.default_rng(0)
    good = json.dumps({"genotypes": TEXTS[:2]}).encode()
    for _ in range(150):
        raw = bytearray(good)
        for place in rng.integers(len(raw), size=rng.integers(1, 6)):
            raw[place] = rng.integers(256)
        assert client.post(bytes(raw)).status in (200, 400, 422)
    assert client.said == []


def test_a_list_may_have_so_many_genotypes_and_no_more(client: Client) -> None:
    assert len(client.post({"genotypes": ["?"] * MAX_BATCH}).json["answers"]) == MAX_BATCH
    refused(client, {"genotypes": ["?"] * (MAX_BATCH + 1)}, 413, "may list 300 genotypes, found 301")
    assert client.post({"genotypes": ["?"] * 3, "explain": True}).status == 200
    refused(client, {"genotypes": ["?"] * 4, "explain": True}, 413, "may list 3 genotypes to explain, found 4")


def test_a_genotype_that_is_too_long_is_not_read(client: Client) -> None:
    edges = ",".join(["[0,1]"] * (MOST_CHARACTERS // 6))
    long = '{"space":"cnn","ops":["input","output"],"edges":[' + edges + "]}"
    first, second = client.post({"genotypes": [long, TEXTS[0]]}).json["answers"]
    assert first["error"] == f"a genotype must have at most 400,000 characters here, found {len(long):,}"
    assert second["fitness"] == client.fitness(TEXTS[0])


def chunks(size: int, of: int = 65_536) -> Iterator[bytes]:
    return (b"x" * min(of, size - sent) for sent in range(0, size, of))


def test_a_body_that_is_too_large_is_refused_however_it_comes(client: Client) -> None:
    exactly = json.dumps({"genotypes": [""]}).encode().ljust(MAX_BODY)
    assert client.post(exactly).status == 200
    assert client.post(iter([exactly[:1000], exactly[1000:]])).status == 200
    for body in (exactly + b" ", chunks(MAX_BODY + 1), chunks(4 * MAX_BODY), chunks(MAX_BODY + 1, of=100_000)):
        refused(client, body, 413, "a body must have at most 1,048,576 bytes")


def test_a_body_that_is_announced_as_too_large_is_not_asked_for(client: Client) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n"
    assert client.raw(head, b"Expect: 100-continue\r\n\r\n").startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "9" * 5000, "5, 6", "\u00b2"])
def test_a_length_that_is_none_is_refused(client: Client, length: str) -> None:
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()
    assert re.match(rb"HTTP/1.1 4\d\d ", client.raw(head, b"{}"))


def test_what_lies_beyond_a_false_length_is_no_part_of_the_body(client: Client) -> None:
    body = json.dumps({"genotypes": []}).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    first, *_ = client.raw(head, body, b"x" * 100_000).split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200 ")


def test_a_body_that_never_comes_is_given_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasgen.serving.bodies.SECONDS", 0.1)
    assert client.raw(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", b"{").startswith(
        b"HTTP/1.1 408 "
    )
    endless = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
    assert client.raw(endless).startswith(b"HTTP/1.1 408 ")


def test_too_many_requests_at_once_are_sent_away_for_a_second(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasgen.serving.bodies.MOST_REQUESTS", 0)
    got = client.post({"genotype": TEXTS[0]})
    assert (got.status, got.headers["retry-after"]) == (503, "1")
    assert client.get("/health").status == 200


def test_too_much_work_at_once_is_sent_away_for_a_second(saved: Path) -> None:
    with served(saved, waiting=50) as client, ThreadPoolExecutor(12) as pool:
        got = list(pool.map(lambda _: client.post({"genotypes": TEXTS}), range(12)))
        assert {each.status for each in got} == {200, 503}
        assert {each.headers.get("retry-after") for each in got if each.status == 503} == {"1"}
        assert client.post({"genotypes": TEXTS * 10}).status == 200  # however large: nothing else waits


def test_other_paths_and_methods_are_refused(client: Client) -> None:
    for path, method, status in (
        ("/", "GET", 404),
        ("/redoc", "GET", 404),
        ("/health/", "GET", 404),
        ("/../../etc/passwd", "GET", 404),
        ("/predict", "GET", 405),
        ("/predict", "DELETE", 405),
        ("/health", "POST", 405),
    ):
        got = client.get(path, method)
        assert (got.status, set(got.json)) == (status, {"error"}), path
    assert client.get("/predict").headers["allow"] == "POST"


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
    refused(client, {"genotype": TEXTS[1]}, 422, "must lie within")


def test_a_defect_is_told_on_stderr_and_not_to_whoever_asked(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasgen.serving.predicting.answers_of", lambda *_: 1 / 0)
    got = client.post({"genotype": TEXTS[0]})
    assert (got.status, got.json) == (500, {"error": "the prediction failed"})
    assert client.said.pop() == "nasgen: a prediction failed: ZeroDivisionError: division by zero"
