"""Inputs: the files and folders that a run's settings name, and where a run that has moved finds its copies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nasgen.plugins import is_plugin
from nasgen.settings import Settings, is_saved

FIELDS = ("task", "table", "space", "strategy", "database", "surrogate")


def inputs_of(settings: Settings) -> dict[str, Path]:
    """The path behind each setting that names one."""
    named = {name: getattr(settings, name) for name in FIELDS}
    paths = {}
    for name, value in named.items():
        if value is None:
            continue
        if is_plugin(value):
            paths[name] = Path(value.rpartition(":")[0])
        elif (
            name in ("table", "database")
            or (name == "task" and value.endswith(".npz"))
            or (name == "surrogate" and is_saved(value))
        ):
            paths[name] = Path(value)
    return paths


def with_copies(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The values of settings or arguments with the copies that a run brought along in ``folder/inputs``."""
    values = dict(values)
    for name in FIELDS:
        copies = sorted((folder / "inputs" / name).glob("*"))
        value = values.get(name)
        if copies and isinstance(value, str):
            attribute = value.rpartition(":")[2] if is_plugin(value) else None
            values[name] = f"{copies[0].resolve()}:{attribute}" if attribute else str(copies[0].resolve())
    return values


def placeless(name: str) -> str:
    """What a setting says but for where its file lies: contents are told apart by their hash."""
    if is_plugin(name):
        path, _, attribute = name.rpartition(":")
        return f"{Path(path).name}:{attribute}"
    return Path(name).name if Path(name).is_absolute() else name
