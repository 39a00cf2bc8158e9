"""Every command of nasgen, Ray and resume-or-search that the files of deploy/ give or mention."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PROGRAMS = {"nasgen", "ray", "resume-or-search"}
WHAT_A_SHELL_FILLS_IN = re.compile(r"\$\{?[A-Za-z_]\w*(:-[^}]*)?\}?")
LISTS = re.compile(r"\$\{?(@|ray\[@\]|OPTIONS)\}?")


@dataclass(frozen=True)
class CommandLine:
    """What a file says: the program's name, its words, and whether it is to be typed or only mentioned."""

    file: str
    program: str
    words: tuple[str, ...]
    mentioned: bool = False

    def __str__(self) -> str:
        return f"{self.file}: {self.program} {' '.join(self.words)}"


def files() -> list[Path]:
    """All files of deploy/."""
    return sorted(path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".pyc")


def all_commands() -> list[CommandLine]:
    """All command lines of deploy/."""
    return [found for path in files() for found in commands_of(path)]


def commands_of(path: Path) -> Iterator[CommandLine]:
    """The command lines of a file: those to be typed or run, then those between backticks."""
    name, text = str(path.relative_to(DEPLOY)), path.read_text("utf-8")
    for shell_text in _shell_texts(path, text):
        yield from _split(name, shell_text, mentioned=False)
    for mention in re.findall(r"`([^`\n]+)`", text):
        yield from _split(name, mention, mentioned=True)


def _shell_texts(path: Path, text: str) -> Iterator[str]:
    """What a shell, systemd, docker or KubeRay would run, and the code blocks of Markdown and of leading comments."""
    yield from _indented(re.sub(r"^# ?", "", text, flags=re.M) if path.suffix != ".md" else text)
    if path.suffix in {".sh", ".sbatch"}:
        yield text
    elif path.suffix == ".yaml":
        for document in yaml.safe_load_all(text):
            yield from _strings(document)
    elif path.suffix == ".service":
        yield from re.findall(r"^Exec\w+=(.*)$", text, flags=re.M)
    elif path.name == "search.env":
        for options in re.findall(r"^OPTIONS=(.*)$", text, flags=re.M):
            yield f"resume-or-search RUN MIRROR {options}"
    elif path.name == "Dockerfile":
        for words in re.findall(r"^CMD \[(.*)\]$", text, flags=re.M):
            yield words.replace(",", " ")


def _indented(text: str) -> Iterator[str]:
    """Blocks of lines that begin with four spaces after an empty line."""
    yield from re.findall(r"(?<=\n)\n((?: {4}.*\n)+)", text)


def _strings(node: Any) -> Iterator[str]:
    """The strings of a YAML document; lists under command and args are one string each."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for item in node:
            yield from _strings(item)
    elif isinstance(node, dict):
        for key, item in node.items():
            yield from [shlex.join(item)] if key in {"command", "args"} else _strings(item)


def _split(file: str, text: str, mentioned: bool) -> Iterator[CommandLine]:
    """Simple commands, at any place of a line: after `sudo`, `srun`, `--` and other words too."""
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace, lexer.whitespace_split = " \t\r", True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if not word or not set(word) <= set("();<>|&\n"):
            words.append(word)
            continue
        yield from _commands_in(file, words, mentioned)
        words = []


def _commands_in(file: str, words: list[str], mentioned: bool) -> Iterator[CommandLine]:
    for index, word in enumerate(words):
        program = Path(word).name
        rest = [WHAT_A_SHELL_FILLS_IN.sub("1", w) for w in words[index + 1 :] if not LISTS.fullmatch(w)]
        is_command = program == "resume-or-search" or (rest and re.fullmatch(r"--help|[a-z][a-z-]+", rest[0]))
        if program in PROGRAMS and rest and is_command:
            yield CommandLine(file, program, tuple(rest), mentioned)
        elif " " in word and Path(word.split()[0]).name in PROGRAMS:  # quoted, for `ray exec` and the like
            yield from _split(file, word, mentioned)
