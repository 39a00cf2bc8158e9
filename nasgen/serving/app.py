"""The endpoints: /predict, /health, /docs and /openapi.json."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from nasgen.errors import InputError, one_line
from nasgen.results.querying import Source
from nasgen.serving.batching import Batcher, OverloadedError
from nasgen.serving.bodies import RETRY_AFTER, App, BoundedBodies
from nasgen.serving.docs_page import docs_page
from nasgen.serving.predicting import Asked
from nasgen.serving.query import MalformedError, TooManyError, read_query
from nasgen.serving.schema import Health, request_body, responses
from search_spaces.space import SPACES, get_space


def build_app(
    source: Source, batcher: Batcher, address: str, max_body: int, max_batch: int, say: Callable[[str], None]
) -> App:
    """The ASGI application.

    Parameters
    ----------
    source
        What is served.
    batcher
        Answers genotypes; of the same source.
    address
        Where it is served, for the examples: ``http://127.0.0.1:8000``.
    max_body, max_batch
        Bytes of a body, and genotypes in it, at most.
    say
        Told in one line of what went wrong that is no fault of the client's.
    """
    health = health_of(source)
    space = f" of the space {health.space}" if health.space else ""
    page = docs_page(f"{health.model}, {health.rows:,} rows{space}", address, example_of(source), max_body, max_batch)
    # FastAPI's own pages load scripts from elsewhere
    app = FastAPI(title="nasgen serve", docs_url=None, redoc_url=None, redirect_slashes=False)

    @app.exception_handler(HTTPException)
    async def refuse(request: Request, error: HTTPException) -> JSONResponse:
        reason = f"{request.method} {request.url.path[:60]}: {error.detail}; /docs tells what there is"
        return _error(error.status_code, one_line(ValueError(reason)), error.headers)

    @app.get("/health", response_model=Health)
    async def get_health() -> Health:
        """What is served."""
        return health

    @app.get("/docs", include_in_schema=False)
    async def get_docs() -> HTMLResponse:
        return HTMLResponse(page)

    @app.post("/predict", responses=responses(), response_model=None, openapi_extra=request_body(max_batch))
    async def predict(request: Request) -> Response:
        """The predicted fitness of one genotype or of several."""
        try:
            query = read_query(await request.body(), max_batch)
            answers = await batcher.ask([Asked(text, query.explain) for text in query.texts])
        except InputError as error:
            status = {MalformedError: 400, TooManyError: 413}.get(type(error), 422)
            return _error(status, str(error))
        except OverloadedError:
            return _error(503, "too much waits to be predicted: ask again in a second", RETRY_AFTER)
        except Exception as error:  # a defect; its text may tell what is nobody's business
            say(f"nasgen: a prediction failed: {type(error).__name__}: {one_line(error)}")
            return _error(500, "the prediction failed")
        if not query.single:
            return JSONResponse({"answers": answers})
        (answer,) = answers
        return _error(422, answer["error"]) if "error" in answer else JSONResponse(answer)

    return BoundedBodies(app, max_body)


def health_of(source: Source) -> Health:
    """What is served."""
    surrogate = source.surrogate
    members = surrogate.choice_.candidate.members if surrogate.choice_ else (surrogate.model,)
    return Health(
        status="ok",
        model=surrogate.model,
        members=list(members),
        rows=len(surrogate.y_),
        space=None if source.space is None else source.space.name,
    )


def example_of(source: Source) -> str:
    """A genotype to show: one of the space, or of the first in the box where genotypes name their own."""
    space = source.space or get_space(next(iter(SPACES)))
    if space.name not in SPACES:
        return "GENOTYPE"  # nothing but what a prediction needs is asked of a space of one's own
    return str(space.encode(space.sample(np.random.default_rng(0))))


def _error(status: int, reason: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"error": reason}, status, headers)
