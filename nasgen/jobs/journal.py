"""The journal: what a long job has computed, one line each, so that one that was cut off goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import nasgen
import predictors
import search_spaces
from nasgen.jobs.units import each_unit
from nasgen.training.numerics import environment

FILE = "done.jsonl"

Shared = TypeVar("Shared")


class Unit:
    """A piece of work: a frozen dataclass, whose values tell it from all others."""

    @property
    def name(self) -> str:
        """Of one line."""
        return repr(self)


AnyUnit = TypeVar("AnyUnit", bound=Unit)


class Journal:
    """Results by name in a file of JSON lines; from one that is torn or damaged on, they are computed again.

    The first line says which code, versions and data they come from; results of others are not used.

    Parameters
    ----------
    path
        The file; it is made with the first result.
    inputs
        Files whose contents the results depend on.

    Attributes
    ----------
    origin
        A digest of code, versions and data: results of another one are not used.
    """

    def __init__(self, path: Path, inputs: Sequence[Path] = ()) -> None:
        self.path = path
        self.origin = _origin(tuple(inputs))
        self._origin = json.dumps({"origin": self.origin})
        self._done: dict[str, Any] = {}
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        origin, *lines = text[: text.rfind("\n") + 1].splitlines() or [""]
        self._fresh = origin != self._origin
        if not self._fresh:
            lines = lines[: next((place for place, line in enumerate(lines) if not _is_whole(line)), len(lines))]
            self._done = {line["name"]: line["result"] for line in map(json.loads, lines)}
            path.write_text("".join(f"{line}\n" for line in (origin, *lines)), encoding="utf-8")

    def __len__(self) -> int:
        """How many results there are."""
        return len(self._done)

    def get(self, name: str) -> Any:
        """What is known of something; None if nothing is."""
        return self._done.get(name)

    def forget(self, name: str) -> None:
        """Compute something again, whatever is known of it."""
        self._done.pop(name, None)

    def each(
        self,
        work: Callable[[Shared, AnyUnit], Any],
        shared: Shared,
        units: Sequence[AnyUnit],
        what: str,
        say: Callable[[str], None],
        cost: Callable[[AnyUnit], float] = lambda _: 1.0,
        most: int | None = None,
    ) -> Iterator[tuple[AnyUnit, Any]]:
        """As :func:`nasgen.jobs.units.each_unit`, but what is known is not computed again; results are JSON."""
        known = [unit for unit in units if unit.name in self._done]
        if known:
            say(f"{len(known)} of {len(units)} {what} known from {self.path}")
        for unit in known:
            yield unit, self._done[unit.name]
        left = [unit for unit in units if unit.name not in self._done]
        if left:
            for unit, result in each_unit(work, shared, left, what, say, cost, most):
                yield unit, self._note(unit.name, result)

    def _note(self, name: str, result: Any) -> Any:
        """Write a result down; returns it as it would be read back."""
        line = json.dumps({"name": name, "result": result})
        if self._fresh:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(f"{self._origin}\n", encoding="utf-8")
            self._fresh = False
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        self._done[name] = json.loads(line)["result"]
        return self._done[name]


def _is_whole(line: str) -> bool:
    try:
        return {"name", "result"} <= set(json.loads(line))
    except (ValueError, TypeError):
        return False


def _origin(inputs: tuple[Path, ...]) -> str:
    """A digest of the code, what it runs on, and the files it reads."""
    digest = hashlib.sha256(_code())
    for file in inputs:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


@cache
def _code() -> bytes:
    """A digest of the code of the three packages, and what it runs on."""
    digest = hashlib.sha256(json.dumps(environment(trains=True)).encode())
    for package in (search_spaces, predictors, nasgen):
        for file in sorted(Path(package.__file__ or "").parent.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.digest()
