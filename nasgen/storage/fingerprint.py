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


def identity(settings: Settings, data_hash: str, networks: str = "") -> dict[str, Any]:
    """Everything that decides a row: settings, data, and the files of the user's own that take part.

    Parameters
    ----------
    networks
        How genotypes become networks, where the search space says so (:class:`search_spaces.TrainableSpace`).
    """
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
    # runs from before there was one or the other go on without
    bonus = {"bonus": values["bonus"]} if settings.bonus else {}
    built = {"networks": networks} if networks else {}
    return {"schema": SCHEMA_VERSION, "data_hash": data_hash, **own_files, **chosen, **bonus, **built}


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


def check_fingerprint(then: Mapping[str, Any], now: Mapping[str, Any], accept_environment: bool) -> None:
    """Refuse to mix rows of two identities, and to go on in another environment unless the user accepts it.

    Rows from before networks were bound to how they are built (docs/decisions/0024) may be wrong where they were
    trained in bfloat16 on a CPU without AMX. Elsewhere they are right, and later ones may differ in the last digits, as
    after an update of torch.

    Parameters
    ----------
    then, now
        ``identity`` and ``environment`` of the run, and as they are found.

    Raises
    ------
    InputError
        Saying what differs, and which option accepts it if one does.
    """
    was, found = _placeless(then["identity"]), dict(now["identity"])
    environment, why = dict(now["environment"]), ""
    if "networks" in found and "networks" not in was:
        if _may_be_wrong(then["environment"]):
            why = " (it was trained in bfloat16 by a version whose results could depend on what lay in memory)"
        else:
            environment["networks"] = found.pop("networks")
    if other := differences(was, found):
        raise InputError(f"the run cannot go on with other inputs: {'; '.join(other)}{why}; start a new run instead")
    if not accept_environment and (other := differences(then["environment"], environment)):
        raise InputError(f"the environment has changed: {'; '.join(other)}; --accept-environment goes on with it")


def _may_be_wrong(environment: Mapping[str, Any]) -> bool:
    """Whether oneDNN left entries of gradients unwritten in an environment."""
    on_cpu, features = environment.get("device", "cpu") == "cpu", environment.get("cpu", ())
    return on_cpu and "avx512_bf16" in features and "amx_bf16" not in features
