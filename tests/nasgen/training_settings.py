"""Settings of a search that trains."""

from __future__ import annotations

from typing import Any

from nasgen.settings import Settings

SETTINGS: dict[str, Any] = {
    "space": "cnn",
    "space_options": {},
    "task": "digits",
    "table": None,
    "fitness": "accuracy",
    "objectives": ("accuracy",),
    "evaluations": None,
    "minutes": None,
    "seed": 0,
    "strategy": "random",
    "profile": "default",
    "strategy_options": {},
    "window": 4,
    "surrogate": "off",
    "augment": "none",
    "baseline": None,
    "workers": 2,
    "executor": "processes",
    "threads": 1,
    "deadline": None,
}


def settings(**values: Any) -> Settings:
    """The settings of a search that trains, with some changed."""
    return Settings(**{**SETTINGS, **values})
