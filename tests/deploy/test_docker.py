"""The image: what it copies exists, what it installs is pinned, and it does not run as root."""

from __future__ import annotations

import re
import tomllib

from command_lines import DEPLOY

ROOT = DEPLOY.parent
DOCKERFILE = (DEPLOY / "docker" / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
INSTRUCTIONS = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if line.strip() and line[0] not in "# "]


def arguments(name: str) -> list[str]:
    return [rest for instruction, rest in INSTRUCTIONS if instruction == name]


def copied() -> list[str]:
    """The sources of all COPY instructions."""
    lines = [[word for word in line.split() if not word.startswith("--")] for line in arguments("COPY")]
    return [source for *sources, _ in lines for source in sources]


def pins(path: str) -> dict[str, str]:
    lines = (ROOT / path).read_text("utf-8").splitlines()
    return {name.lower().replace("_", "-"): version for name, version in (line.split("==") for line in lines)}


def test_only_instructions_of_docker_are_used() -> None:
    assert {name for name, _ in INSTRUCTIONS} == {"FROM", "ARG", "RUN", "WORKDIR", "COPY", "ENV", "USER", "CMD"}


def test_what_is_copied_exists_and_is_let_through() -> None:
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[0] == "!"]
    assert sorted(copied()) == sorted(let_through)
    assert all((ROOT / source).exists() for source in copied())


def test_every_package_of_the_project_is_copied() -> None:
    packages = {name.rstrip("*") for name in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
    files = {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"], "pyproject.toml"}
    assert packages | files <= set(copied())


def test_every_installation_is_pinned() -> None:
    installations = re.findall(r"pip install ([^;&]*)", DOCKERFILE)
    assert len(installations) == 3
    for words in installations:
        assert "--constraint constraints.txt" in words or "--requirement deploy/requirements.txt" in words
    assert "-c ../constraints.txt\n-c constraints.txt\n" in (DEPLOY / "requirements.txt").read_text("utf-8")


def test_pins_agree() -> None:
    project, added = pins("constraints.txt"), pins("deploy/constraints.txt")
    assert project.keys() & added.keys() == set()
    assert added["s3fs"] == project["fsspec"]
    assert {"s3fs", "boto3", "aiohttp"} <= added.keys()


def test_the_image_is_of_the_python_that_is_tested() -> None:
    (image,) = arguments("FROM")
    assert image == f"python:{PROJECT['tool']['mypy']['python_version']}-slim"


def test_it_runs_as_nobody_special() -> None:
    assert arguments("USER") == ["1000"]
    names = [name for name, _ in INSTRUCTIONS]
    assert "RUN" not in names[names.index("USER") :]


def test_the_tag_is_the_version_of_the_project() -> None:
    tags = re.findall(r"REGISTRY/OWNER/nasgen:([\w.]+)", "\n".join(p.read_text("utf-8") for p in DEPLOY.rglob("*.*")))
    assert len(tags) > 5
    assert set(tags) == {PROJECT["project"]["version"]}
