"""Objects named as FILE.py:NAME on the command line: a user's own space, strategy or evaluator."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nasgen.errors import InputError

MODULE_PREFIX = "nasgen_plugin_"
"""How the modules of such files are called, before a hash of their path."""

OF_THE_ENGINE = "space", "asked", "genotypes", "prescreen", "fidelities", "objectives"
"""Parameters of strategies that the engine gives them itself."""

OF_THE_DATA = "input_shape", "n_classes", "vocabulary"
"""Parameters of spaces that follow from the data, unless told."""


def is_plugin(name: str) -> bool:
    """Whether a name on the command line points into a file."""
    path, separator, attribute = name.rpartition(":")
    return bool(separator) and path.endswith(".py") and attribute.isidentifier()


def plugin_path(name: str) -> Path:
    """The file of ``FILE.py:NAME``.

    Raises
    ------
    InputError
        If there is no such file.
    """
    path = Path(name.rpartition(":")[0])
    if not path.is_file():
        raise InputError(f"{name}: expected FILE.py:NAME with a file that exists, found no {path}")
    return path.resolve()


def load_plugin(name: str) -> Any:
    """The object ``NAME`` of ``FILE.py``, importing the file once a process.

    Raises
    ------
    InputError
        If the file or the name is not there, importing it raises, or the object cannot be called.
    """
    path, attribute = plugin_path(name), name.rpartition(":")[2]
    module_name = f"{MODULE_PREFIX}{hashlib.blake2b(str(path).encode(), digest_size=6).hexdigest()}"
    module = sys.modules.get(module_name)
    if module is None:
        spec = importlib.util.spec_from_file_location(module_name, path)
        assert spec is not None  # a .py file always has a spec and a loader
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module  # dataclasses look their module up while it is imported
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[module_name]
            raise InputError(f"{name}: the file cannot be imported: {type(error).__name__}: {error}") from error
    if not hasattr(module, attribute):
        public = ", ".join(sorted(key for key in vars(module) if not key.startswith("_")))
        raise InputError(f"{name}: expected {attribute!r} in the file, found {public}")
    found = getattr(module, attribute)
    if not callable(found):
        raise InputError(f"{name}: expected a class or a function that makes one, found {type(found).__name__}")
    return found


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_options(what: str, make: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Refuse options that a class does not have.

    Raises
    ------
    InputError
        Naming those it has.
    """
    known = [name for name in inspect.signature(make).parameters if name not in OF_THE_ENGINE]
    unknown = [name for name in options if name not in known]
    if unknown:
        names = ", ".join(name for name in known if name not in OF_THE_DATA) or "no options"
        raise InputError(f"{what} has {names}, found {unknown[0]!r}")
