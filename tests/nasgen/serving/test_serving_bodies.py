"""What a server reads of a body: an app behind it sees whole bodies within the limit, and memory never holds more."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from nasgen.serving import bodies
from nasgen.serving.bodies import BoundedBodies

LIMIT = 1000


class Told:
    """A server's side of one request, and an app that keeps what it was handed."""

    def __init__(self, parts: Iterator[bytes], method: str = "POST", headers: dict[bytes, bytes] | None = None) -> None:
        self.parts = parts
        self.scope = {"type": "http", "method": method, "path": "/", "headers": list((headers or {}).items())}
        self.read = 0
        self.handed: list[bytes] = []
        self.sent: list[Any] = []

    def answer(self) -> Told:
        asyncio.run(BoundedBodies(self.app, LIMIT)(self.scope, self.receive, self.send))
        return self

    async def receive(self) -> dict[str, Any]:
        part = next(self.parts, None)
        if part is None:
            return {"type": "http.disconnect"}
        self.read += len(part)
        return {"type": "http.request", "body": part, "more_body": not part.endswith(b".")}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        self.handed.append((await receive())["body"])

    @property
    def refusal(self) -> tuple[int, str]:
        start, body = self.sent
        assert (b"connection", b"close") in start["headers"]
        return start["status"], json.loads(body["body"])["error"]


def endless(size: int = 65_536) -> Iterator[bytes]:
    while True:
        yield bytes(size)


def test_parts_are_handed_on_as_one_body() -> None:
    parts = [b"x" * 400, b"", b"y" * 599 + b"."]
    assert Told(iter(parts)).answer().handed == [b"".join(parts)]
    assert Told(iter([b"."])).answer().handed == [b"."]


@pytest.mark.parametrize("headers", [{}, {b"content-length": b"10"}, {b"content-length": b"100000000"}])
def test_a_body_without_end_is_read_on_for_a_while_and_not_kept(headers: dict[bytes, bytes]) -> None:
    tracemalloc.start()
    told = Told(endless(), headers=headers).answer()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert told.refusal == (413, "a body must have at most 1,000 bytes")
    assert told.handed == []
    assert told.read <= bodies.DISCARDED + 3 * 65_536
    assert peak < 1 << 20


def test_what_is_announced_as_too_large_by_a_client_that_waits_is_not_read() -> None:
    headers = {b"content-length": b"1001", b"expect": b"100-continue"}
    told = Told(endless(), headers=headers).answer()
    assert (told.read, told.refusal[0]) == (0, 413)


def test_drops_that_come_for_ever_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "DISCARDING_SECONDS", 0.05)

    class Slow(Told):
        async def receive(self) -> dict[str, Any]:
            await asyncio.sleep(0.01)
            return await super().receive()

    assert Slow(endless(600)).answer().refusal[0] == 413


def test_a_client_that_goes_gets_no_answer_and_the_app_no_body() -> None:
    for parts in ([], [b"x" * 10], [b"x" * 2000]):
        told = Told(iter(parts)).answer()
        assert (told.handed, told.sent) == ([], [])


def test_bodies_of_methods_without_one_are_left_unread() -> None:
    told = Told(endless(), method="HEAD")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        told.handed.append(b"")

    told.app = app  # type: ignore[method-assign]  # this one reads nothing
    assert (told.answer().handed, told.read) == ([b""], 0)
