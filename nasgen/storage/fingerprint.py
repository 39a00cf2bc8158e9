"""What a run is bound to: an identity that refuses to mix, and an environment that asks before it changes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nasgen.errors import InputError
from nasgen.plugins import file_hash, is_plugin, plugin_path
from nasgen.settings import Settings, is_saved
from nasgen.storage.inputs import placeless
from nasgen.storage.schema import SCHEMA_VERSION

IDENTITY_SETTINGS = (
    "space",
    "space_options",
    "fitness",
    "objectives",
    "seed",
    "strategy",
    "profile",
    "strategy_options",
    "window",
    "surrogate",
    "augment",
    "threads",
    "fidelities",
    "curve_stop",
    "inherit",
    "final",
)


def identity(settings: Settings, data_hash: str) -> dict[str, Any]:
    """Everything that decides a row: settings, data, and the files of the user's own that take part."""
    values = settings.model_dump(mode="json")
    own_files = {
        f"{part}_hash": file_hash(plugin_path(name))
        for part, name in (("space", settings.space), ("strategy", settings.strategy))
        if is_plugin(name)
    }
    if is_saved(settings.surrogate):
        own_files["surrogate_hash"] = folder_hash(Path(settings.surrogate))
    if settings.database is not None:
        own_files["database_hash"] = file_hash(Path(settings.database))
    chosen = _placeless({name: values[name] for name in IDENTITY_SETTINGS})
    bonus = {"bonus": values["bonus"]} if settings.bonus else {}  # runs from before there was one go on without
    return {"schema": SCHEMA_VERSION, "data_hash": data_hash, **own_files, **chosen, **bonus}


def _placeless(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without the folders where files of the user's own lie: a run may move."""
    named = {name: placeless(str(values[name])) for name in ("space", "strategy", "surrogate") if name in values}
    return {**values, **named}


def folder_hash(folder: Path) -> str:
    """SHA-256 over the names and contents of a folder's files."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)}\n{file_hash(path)}\n".encode())
    return digest.hexdigest()


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs, a phrase each: ``seed was 0, is 1``."""
    return [
        f"{name} was {_short(then.get(name))}, is {_short(now.get(name))}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def check_identity(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to mix rows of two identities.

    Raises
    ------
    InputError
        Saying what differs.
    """
    found = differences(_placeless(then), now)
    if found:
        raise InputError(f"the run cannot go on with other inputs: {'; '.join(found)}; start a new run instead")


def check_environment(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on in another environment unless the user accepts it.

    Raises
    ------
    InputError
        Saying what differs, and which option accepts it.
    """
    found = differences(then, now)
    if found:
        raise InputError(f"the environment has changed: {'; '.join(found)}; --accept-environment goes on with it")
