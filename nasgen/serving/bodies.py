"""BoundedBodies: no request is read further than it may be, whatever it says of its own length."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import JSONResponse

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_REQUESTS = 256
"""With a body, under way at once: they and the largest body bound the memory that bodies take."""

SECONDS = 30.0
"""In which a body has to come."""

DISCARDED, DISCARDING_SECONDS = 8 << 20, 2.0
"""Bytes, and time, for which a body that is too large is read on and thrown away: a client that is still sending when
the connection closes may never see the answer."""

RETRY_AFTER = {"Retry-After": "1"}


class TooLargeError(Exception):
    """A body is larger than it may be."""


class GoneError(Exception):
    """The client closed the connection."""


class BoundedBodies:
    """ASGI middleware: hands an app whole bodies of ``max_body`` bytes at most, and refuses the others.

    Answers 413 to larger ones, with or without a length and in chunks, 408 to those that do not come in time, and 503
    where too many are under way.
    """

    def __init__(self, app: App, max_body: int) -> None:
        self._app = app
        self._max_body = max_body
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):  # their bodies are never asked for
            await self._app(scope, receive, send)
            return
        self._under_way += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self._under_way -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._under_way > MOST_REQUESTS:
            await _refuse(503, "too many requests at once: ask again in a second", scope, receive, send, RETRY_AFTER)
            return
        try:
            body = await self._read(scope, receive)
        except TooLargeError:
            await _refuse(413, f"a body must have at most {self._max_body:,} bytes", scope, receive, send)
            return
        except TimeoutError:
            await _refuse(408, f"a body must come within {SECONDS:.0f} seconds", scope, receive, send)
            return
        except GoneError:
            return
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def replay() -> Message:
            return next(messages, None) or await receive()

        await self._app(scope, replay, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        headers = dict(scope["headers"])
        if int(headers.get(b"content-length", 0)) > self._max_body:  # digits: the server has seen to that
            if b"expect" not in headers:  # who waits to be told to go on has sent nothing
                await _discard(receive)
            raise TooLargeError
        parts, size = list[bytes](), 0
        async with asyncio.timeout(SECONDS):
            async for part, more in _parts(receive):
                parts.append(part)
                size += len(part)
                if size > self._max_body:
                    parts.clear()
                    if more:
                        await _discard(receive)
                    raise TooLargeError
        return b"".join(parts)


async def _parts(receive: Receive) -> AsyncIterator[tuple[bytes, bool]]:
    """The parts of a body, each with whether more are to come."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GoneError
        more = message.get("more_body", False)
        yield message.get("body", b""), more


async def _discard(receive: Receive) -> None:
    """Read on for a while, and keep nothing."""
    size = 0
    try:
        async with asyncio.timeout(DISCARDING_SECONDS):
            async for part, _ in _parts(receive):
                size += len(part)
                if size > DISCARDED:
                    return
    except TimeoutError:
        pass


async def _refuse(
    status: int, reason: str, scope: Scope, receive: Receive, send: Send, headers: dict[str, str] | None = None
) -> None:
    # what is left of the body would be read as long as it comes
    response = JSONResponse({"error": reason}, status, {"Connection": "close", **(headers or {})})
    await response(scope, receive, send)
