"""What `nasgen serve` refuses over a socket: bodies that ask for nothing or too much, and unknown paths."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from served import MAX_BATCH, MAX_BODY, TEXTS, Client, save, served

from nasgen.results.querying import answers_of
from nasgen.serving.predicting import MOST_CHARACTERS


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("limits") / "saved", "bayesian-ridge")


@pytest.fixture(scope="module")
def client(saved: Path) -> Iterator[Client]:
    with served(saved) as client:
        yield client


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
    client.refused(body, status)
    client.refused(body, status, headers={"Content-Type": "application/json; charset=utf-16"})


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
    client.refused({"genotypes": ["?"] * (MAX_BATCH + 1)}, 413, "may list 300 genotypes, found 301")
    assert client.post({"genotypes": ["?"] * 3, "explain": True}).status == 200
    client.refused({"genotypes": ["?"] * 4, "explain": True}, 413, "may list 3 genotypes to explain, found 4")


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
        client.refused(body, 413, "a body must have at most 1,048,576 bytes")


def test_a_body_that_is_announced_as_too_large_is_not_asked_for(client: Client) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n"
    assert client.raw(head + b"Expect: 100-continue\r\n\r\n").startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "9" * 5000, "5, 6", "\u00b2"])
def test_a_length_that_is_none_is_refused(client: Client, length: str) -> None:
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()
    assert re.match(rb"HTTP/1.1 4\d\d ", client.raw(head))


def test_what_lies_beyond_a_false_length_is_no_part_of_the_body(client: Client) -> None:
    body = json.dumps({"genotypes": []}).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    first, second = client.raw(head + body + b"beyond\r\n\r\n").split(b"HTTP/1.1 ")[1:]
    assert (first[:4], second[:4]) == (b"200 ", b"400 ")  # what follows is read as another request


def test_a_body_that_never_comes_is_given_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasgen.serving.bodies.SECONDS", 0.1)
    short = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"
    assert client.raw(short).startswith(b"HTTP/1.1 408 ")
    endless = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
    assert client.raw(endless).startswith(b"HTTP/1.1 408 ")


def test_too_many_requests_at_once_are_sent_away_for_a_second(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasgen.serving.bodies.MOST_REQUESTS", 0)
    got = client.post({"genotype": TEXTS[0]})
    assert (got.status, got.headers["retry-after"]) == (503, "1")
    assert client.get("/health").status == 200


def test_too_much_work_at_once_is_sent_away_for_a_second(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(*asked: Any) -> Any:
        time.sleep(0.2)
        return answers_of(*asked)

    monkeypatch.setattr("nasgen.serving.predicting.answers_of", slowly)
    with served(saved, waiting=50) as client, ThreadPoolExecutor(12) as pool:
        got = list(pool.map(lambda _: client.post({"genotypes": TEXTS}), range(12)))
        assert {each.status for each in got} == {200, 503}
        assert {each.headers.get("retry-after") for each in got if each.status == 503} == {"1"}
        assert client.post({"genotypes": TEXTS * 2}).status == 200  # however large: nothing else waits


def test_other_paths_and_methods_are_refused(client: Client) -> None:
    for path, method, status in (
        ("/", "GET", 404),
        ("/redoc", "GET", 404),
        ("/health/", "GET", 404),
        ("/a%0Ab%00%ff", "GET", 404),
        ("/../../etc/passwd", "GET", 404),
        ("/predict", "GET", 405),
        ("/predict", "DELETE", 405),
        ("/health", "POST", 405),
    ):
        got = client.get(path, method)
        assert (got.status, set(got.json)) == (status, {"error"}), path
        assert len(got.json["error"].splitlines()) == 1
    assert client.get("/predict").headers["allow"] == "POST"
