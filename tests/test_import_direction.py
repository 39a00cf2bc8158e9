"""Imports point one way, search_spaces <- predictors <- nasgen, and importing a package stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FORBIDDEN = {"search_spaces": {"predictors", "nasgen"}, "predictors": {"nasgen"}}
HEAVY = {"torch", "xgboost", "sklearn", "ray", "matplotlib", "pandas"}


def imported(source: str) -> set[str]:
    """The top-level packages that a file imports anywhere, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_point_one_way(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    wrong = {str(f.relative_to(ROOT)): imported(f.read_text("utf-8")) & FORBIDDEN[package] for f in files}
    assert {file: names for file, names in wrong.items() if names} == {}


def test_imports_inside_functions_are_seen() -> None:
    assert imported("def f():\n    from nasgen.engine.run import run\n    import predictors.models as m") == {
        "nasgen",
        "predictors",
    }


def parts_of_nasgen() -> dict[str, set[str]]:
    """Each folder or single file of the engine, and those it imports anywhere, inside functions too."""
    parts: dict[str, set[str]] = {}
    for file in (ROOT / "nasgen").rglob("*.py"):
        of_file = [
            node.module.split(".")[1]
            for node in ast.walk(ast.parse(file.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("nasgen.")
        ]
        part = file.relative_to(ROOT / "nasgen").parts[0].removesuffix(".py")
        parts.setdefault(part, set()).update(name for name in of_file if name != part)
    return parts


def floors(parts: Mapping[str, set[str]]) -> list[str]:
    """The parts, each above all that it imports."""
    return list(TopologicalSorter(parts).static_order())


def test_no_two_parts_of_the_engine_import_each_other() -> None:
    parts = parts_of_nasgen()
    order = floors(parts)
    assert order.index("errors") < order.index("training") < order.index("planning") < order.index("engine")
    with pytest.raises(CycleError):
        floors({**parts, "training": {*parts["training"], "planning"}})


@pytest.mark.parametrize(
    "package", ["search_spaces", "predictors", "nasgen", "search_spaces.cnn", "search_spaces.masks"]
)
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    code = f"import sys, {package}; print(*sys.modules, sep='\\n')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.split(".")[0] for name in run.stdout.split()}
    assert package.split(".")[0] in loaded
    assert loaded & HEAVY == set()
