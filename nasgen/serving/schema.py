"""What goes in and comes out, as /openapi.json describes it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from nasgen.serving.query import most_explained


class Prediction(BaseModel):
    """What is predicted of a genotype."""

    genotype: str
    fitness: float
    std: float = Field(description="One standard deviation of the fitness.")
    contributions: dict[str, float] | None = Field(
        None, description="With explain alone: how far each feature moves the prediction, the largest first."
    )


class Malformed(BaseModel):
    """A genotype without a prediction."""

    genotype: str
    error: str = Field(description="One line.")


class Answers(BaseModel):
    """What was listed, in order."""

    answers: list[Prediction | Malformed]


class Refusal(BaseModel):
    """Why a request got no answer."""

    error: str = Field(description="One line.")


class Health(BaseModel):
    """What is served."""

    model_config = ConfigDict(protected_namespaces=())

    status: str = Field(description="ok")
    model: str = Field(description="What the surrogate was asked to be; auto chooses by cross-validation.")
    members: list[str] = Field(description="The regressors that are blended.")
    rows: int = Field(description="Rows learned from.")
    space: str | None = Field(description="Name of the search space; null where genotypes name their own.")


REFUSALS = {
    400: "The body is not JSON.",
    408: "The body did not come in time.",
    413: "The body is too large, or lists too many genotypes.",
    422: "The JSON is of another form; or it has one genotype, and that is malformed.",
    500: "A defect, which is told on the server's stderr.",
    503: "Too much waits: ask again after the seconds of Retry-After.",
}


def responses() -> dict[int | str, dict[str, Any]]:
    """What ``/predict`` may answer, by status."""
    described: dict[int | str, dict[str, Any]] = {
        status: {"model": Refusal, "description": text} for status, text in REFUSALS.items()
    }
    return {200: {"model": Prediction | Answers, "description": "What is predicted."}, **described}


def request_body(max_batch: int) -> dict[str, Any]:
    """What ``/predict`` takes."""
    explain = {
        "type": "boolean",
        "default": False,
        "description": f"Add contributions; of {most_explained(max_batch)} genotypes at most.",
    }
    text = {"type": "string", "description": "A genotype; one of JSON is a text too."}
    forms = {"genotype": text, "genotypes": {"type": "array", "items": text, "maxItems": max_batch}}
    schemas = [
        {
            "type": "object",
            "properties": {name: form, "explain": explain},
            "required": [name],
            "additionalProperties": False,
        }
        for name, form in forms.items()
    ]
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": {"oneOf": schemas}}}}}
