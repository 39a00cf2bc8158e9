"""Commands that deploy/ gives to people and supervisors are commands that exist, with options that exist."""

from __future__ import annotations

from typing import Any

import click
import pytest
import typer.main
from command_lines import CommandLine, all_commands
from ray.scripts.scripts import cli as ray_cli

from nasgen.cli.app import UsageError, app

NASGEN = typer.main.get_command(app)
COMMANDS = all_commands()


def nasgen_words(line: CommandLine) -> tuple[str, ...]:
    """The words after `nasgen`; what follows the mirror of resume-or-search is for `nasgen search`."""
    if line.program == "nasgen":
        return line.words
    run, mirror, *options = line.words
    return ("search", "--out", run, "--mirror", mirror, "--executor", "ray", *options)


def check(group: Any, words: tuple[str, ...], mentioned: bool) -> None:
    """Raise what the command line itself would raise."""
    command, rest = group, list(words)
    while hasattr(command, "commands") and not (rest and rest[0] == "--help"):
        assert rest, f"no command in {words}"
        assert rest[0] in command.commands, f"no command {rest[0]!r} in {words}"
        command = command.commands[rest.pop(0)]
    if mentioned:
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word.split("=")[0] for word in rest if word.startswith("-")} <= options
    elif rest != ["--help"]:
        command.make_context(words[0], rest)


def check_symmetric_run(words: tuple[str, ...]) -> None:
    """What stands before `--` and is not for symmetric-run itself is for `ray start`, as far as that is allowed."""
    before = words[1 : words.index("--")]
    assert words.index("--") + 1 < len(words), "no command for the head"
    for_start = [word for word in before if not word.startswith(("--min-nodes", "--address"))]
    assert not {word.split("=")[0] for word in for_start} & {"--head", "--node-ip-address", "--port", "--block"}
    check(ray_cli, ("start", *for_start), mentioned=False)


@pytest.mark.parametrize("line", [c for c in COMMANDS if c.program != "ray"], ids=str)
def test_nasgen_knows_the_command(line: CommandLine) -> None:
    if line.words != ("--help",):
        check(NASGEN, nasgen_words(line), line.mentioned)


@pytest.mark.parametrize("line", [c for c in COMMANDS if c.program == "ray"], ids=str)
def test_ray_knows_the_command(line: CommandLine) -> None:
    check(ray_cli, line.words, line.mentioned)
    if line.words[0] == "symmetric-run" and not line.mentioned:
        check_symmetric_run(line.words)


def test_commands_are_found_in_every_kind_of_file() -> None:
    found = {(c.file.split("/")[0], c.program, c.words[0]) for c in COMMANDS if not c.mentioned}
    assert {
        ("README.md", "nasgen", "status"),
        ("README.md", "resume-or-search", "/runs/digits"),
        ("docker", "nasgen", "--help"),
        ("kubernetes", "nasgen", "serve"),
        ("kubernetes", "resume-or-search", "/runs/digits"),
        ("ray-up", "ray", "start"),
        ("resume-or-search.sh", "nasgen", "resume"),
        ("resume-or-search.sh", "nasgen", "search"),
        ("slurm", "ray", "symmetric-run"),
        ("slurm", "resume-or-search", "1/run"),
        ("systemd", "nasgen", "serve"),
        ("systemd", "ray", "start"),
        ("systemd", "resume-or-search", "RUN"),
    } <= found


WRONG_FOR_NASGEN = [("serach", "--seed", "1"), ("search", "--sead", "1"), ("search", "--seed", "x"), ("status",)]
WRONG_FOR_RAY = [("strat", "--head"), ("start", "--haed"), ("start", "--port=x"), ("up",)]


@pytest.mark.parametrize("words", WRONG_FOR_NASGEN, ids=" ".join)
def test_wrong_nasgen_commands_are_seen(words: tuple[str, ...]) -> None:
    with pytest.raises((AssertionError, UsageError)):
        check(NASGEN, words, mentioned=False)


@pytest.mark.parametrize("words", WRONG_FOR_RAY, ids=" ".join)
def test_wrong_ray_commands_are_seen(words: tuple[str, ...]) -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        check(ray_cli, words, mentioned=False)


@pytest.mark.parametrize("before", [("--haed",), ("--head",), ("--port=1",), ("--block",)])
def test_wrong_words_before_the_separator_are_seen(before: tuple[str, ...]) -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        check_symmetric_run(("symmetric-run", "--address=1:6379", *before, "--", "nasgen"))
