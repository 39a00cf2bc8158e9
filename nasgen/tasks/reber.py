"""Reber strings, true and false: generated from a seed, or read from the authors' files.

Stier, Darji, Granitzer 2021, sec. 4.3; Darji 2021, "Investigating Sparsity in Recurrent Neural Networks".
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from nasgen.errors import InputError
from nasgen.tasks.automaton import NEGATIVES, REBER, Automaton, Codes
from nasgen.tasks.task import Integers, stratified_split

VARIANTS = ("original", "edited", "embedded")

COUNTS = (8, 50_000)
"""Fewest and most strings that are generated. New walks get rare: twice as many strings take four times as long."""

SHORTEST = 11
"""Letters of the shortest walk that counts; the authors' strings have no fewer."""

TEST_FRACTION = 0.25

BLOCKS: Mapping[str, int] = MappingProxyType(
    {"N1": 1500, "N2": 1500, "N3": 500, "N4": 2000, "O1": 2000, "O2": 2000, "O3": 1500, "O4": 1500}
)
"""How many of the authors' 12,500 false strings each automaton drew."""

LETTERS = "BEPSTVX"

LONGEST = 1_000
"""Letters of the longest string that is read."""

FILES = ("reber_train.csv", "reber_test.csv")

COLUMNS = ("string", "valid")

_BATCH = 1 << 17  # walks at a time


@dataclass(frozen=True, eq=False)
class Strings:
    """Labelled texts in a training and a test part; the labels cannot be written to.

    Attributes
    ----------
    train, test
        Non-empty ASCII texts.
    y_train, y_test
        Shape (n,): 1 where the text is true, of the grammar, and 0 where it is false.
    dropped
        Training texts that were left out because they are in the test part too.
    """

    train: tuple[str, ...]
    y_train: Integers
    test: tuple[str, ...]
    y_test: Integers
    dropped: int = 0

    def __post_init__(self) -> None:
        for labels in (self.y_train, self.y_test):
            labels.flags.writeable = False


def reber_strings(variant: str = "original", seed: int = 0, count: int = 25_000) -> Strings:
    """Distinct strings, half of them true, three quarters of each label for training.

    True strings are fair-coin walks through the Reber grammar of at least 11 letters. No text is twice there.

    Parameters
    ----------
    variant
        ``"original"``: false strings as the authors drew them, from eight automata of the grammar's shape with
        other letters. Pairs of neighbouring letters tell nearly all of them.
        ``"edited"``: a false string is a walk with one letter replaced, inserted or deleted, or two neighbours
        swapped, such that the grammar refuses it.
        ``"embedded"``: a true string is B T walk T E or B P walk P E; in a false one the last letter but one is
        the other one, so that only the second letter tells.
    seed
        Of the walks, the edits and the cut.
    count
        Strings in all; the authors have 25,000. With an odd one there is one more false string.

    Raises
    ------
    InputError
        If the variant is unknown or the count is not in 8..50,000.
    """
    if variant not in VARIANTS:
        raise InputError(f"the variant of the Reber strings must be one of {', '.join(VARIANTS)}, found {variant!r}")
    if not COUNTS[0] <= count <= COUNTS[1]:
        raise InputError(f"the count of Reber strings must lie in {COUNTS[0]}..{COUNTS[1]:,}, found {count}")
    rng = np.random.default_rng(seed)
    half = count // 2
    if variant == "original":
        true = distinct_walks(rng, REBER, half)
        return _parted(rng, true, _of_other_automata(rng, count - half))
    # Every walk goes into one string only. If a true string and the false one made from it both were there, a cut
    # (this one, or one for validation later) could part them, and whoever knows the one would know of the other.
    # The walks are shuffled: those found first are shorter, and length must not tell the labels apart.
    walks = distinct_walks(rng, REBER, count)
    shuffled = [walks[index] for index in rng.permutation(count)]
    true, false = shuffled[:half], shuffled[half:]
    if variant == "edited":
        return _parted(rng, true, _edited(rng, false))
    return _parted(rng, _embedded(rng, true, differ=0), _embedded(rng, false, differ=1))


def distinct_walks(
    rng: np.random.Generator, automaton: Automaton, count: int, taken: Collection[str] = ()
) -> list[str]:
    """The first distinct walks of at least 11 letters that are not taken, in the order in which they were found.

    Raises
    ------
    ValueError
        If 131,072 walks in a row bring nothing new.
    """
    found: dict[str, None] = {}
    while len(found) < count:
        before = len(found)
        codes = automaton.walks(rng, _BATCH)
        found |= dict.fromkeys(decoded(codes[np.count_nonzero(codes, axis=1) >= SHORTEST]))
        for text in taken:
            found.pop(text, None)
        if len(found) == before:
            raise ValueError(
                f"expected {count:,} distinct walks of at least {SHORTEST} letters, found {before:,} and no other in "
                f"{_BATCH:,} walks; ask for fewer"
            )
    return list(found)[:count]


def _of_other_automata(rng: np.random.Generator, count: int) -> list[str]:
    """Walks of the eight other automata, each its share as the authors had it."""
    ends = np.rint(np.cumsum(list(BLOCKS.values())) * count / sum(BLOCKS.values())).astype(int).tolist()
    texts: list[str] = []
    for name, end in zip(BLOCKS, ends, strict=True):
        texts += distinct_walks(rng, NEGATIVES[name], end - len(texts), texts)  # O2 and O3 share some
    return texts


def _edited(rng: np.random.Generator, walks: list[str]) -> list[str]:
    """The walks with one edit each, drawn anew until the grammar refuses the text and it is not there yet."""
    texts: dict[str, None] = {}
    for walk in walks:
        text = walk
        while REBER.accepts(text) or len(text) < SHORTEST or text in texts:
            text = _edit(rng, walk)
        texts[text] = None
    return list(texts)


def _edit(rng: np.random.Generator, text: str) -> str:
    """A text with one letter replaced, inserted or deleted, or with two neighbours swapped."""
    kind, at, letter = rng.integers(4), int(rng.integers(len(text))), LETTERS[rng.integers(len(LETTERS))]
    if kind == 0:
        return text[:at] + letter + text[at + 1 :]
    if kind == 1:
        return text[:at] + letter + text[at:]
    if kind == 2:
        return text[:at] + text[at + 1 :]
    return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]


def _embedded(rng: np.random.Generator, walks: list[str], differ: int) -> list[str]:
    """Walks between B T and T E or B P and P E, by a fair coin; or between letters that differ."""
    coins = rng.integers(2, size=len(walks))
    return [f"B{'TP'[coin]}{walk}{'TP'[coin ^ differ]}E" for coin, walk in zip(coins, walks, strict=True)]


def _parted(rng: np.random.Generator, true: list[str], false: list[str]) -> Strings:
    """Shuffled, and cut into training and test."""
    order = rng.permutation(len(true) + len(false))
    labels = (order < len(true)).astype(np.int64)
    texts = [true[index] if index < len(true) else false[index - len(true)] for index in order]
    kept, held = stratified_split(rng, labels, TEST_FRACTION)
    return Strings(tuple(texts[row] for row in kept), labels[kept], tuple(texts[row] for row in held), labels[held])


def read_strings(folder: Path, *, as_published: bool = False) -> Strings:
    """The strings of ``reber_train.csv`` and ``reber_test.csv``, which have a header with the columns string and valid.

    A training text that is in the test part too is dropped; the authors have one. Texts that are repeated within a
    part stay: the authors have seven such rows in training.

    Parameters
    ----------
    folder
        Holds the two files.
    as_published
        Drops nothing, for replicas of published figures.

    Raises
    ------
    InputError
        If a file or a column is missing, a label is neither 0 nor 1, a text is empty, longer than 1,000 characters,
        not of printable ASCII or under both labels, or training has fewer than two texts of a label.
    """
    train, test = (_read(Path(folder) / name) for name in FILES)
    labels: dict[str, int] = {}
    for text, label in (*train, *test):
        if labels.setdefault(text, label) != label:
            raise InputError(f"{folder}: every text must have one label, found {text!r} with 0 and with 1")
    held = set() if as_published else {text for text, _ in test}
    kept = [row for row in train if row[0] not in held]
    y_train, y_test = (np.array([label for _, label in rows], dtype=np.int64) for rows in (kept, test))
    fewest = np.bincount(y_train, minlength=2)
    if fewest.min() < 2:
        raise InputError(
            f"{folder}: training must have at least 2 texts of each label, found {fewest.min()} of label "
            f"{fewest.argmin()} that are not in the test part"
        )
    return Strings(
        tuple(text for text, _ in kept), y_train, tuple(text for text, _ in test), y_test, len(train) - len(kept)
    )


def _read(path: Path) -> list[tuple[str, int]]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; the folder must hold {' and '.join(FILES)}")
    rows = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            for column in COLUMNS:
                if column not in (reader.fieldnames or ()):
                    found = ", ".join(reader.fieldnames or ()) or "nothing"
                    raise InputError(f"{path}: expected a column {column!r}, found {found}")
            for row in reader:
                rows.append(_checked(f"{path}, line {reader.line_num}", *(row[column] for column in COLUMNS)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: must be a CSV file in UTF-8, but cannot be read as one: {error}") from None
    if not rows:
        raise InputError(f"{path}: expected at least one row, found none")
    return rows


def _checked(where: str, text: str | None, label: str | None) -> tuple[str, int]:
    if not text:
        raise InputError(f"{where}: string must have at least one letter, found none")
    if len(text) > LONGEST:
        raise InputError(f"{where}: string must have at most {LONGEST:,} letters, found {len(text):,}")
    if not (text.isascii() and text.isprintable()):
        raise InputError(f"{where}: string must be of printable ASCII characters, found {text[:40]!a}")
    if label not in ("0", "1"):
        raise InputError(f"{where}: valid must be 0 or 1, found {(label or 'nothing')[:40]}")
    return text, int(label)


def encoded(texts: Sequence[str]) -> Codes:
    """ASCII codes of texts, 0 after the end of each; shape (n, longest)."""
    width = max(map(len, texts), default=0)
    return np.array(texts, dtype=f"S{max(width, 1)}").view(np.uint8).reshape(len(texts), -1)


def decoded(codes: Codes) -> list[str]:
    """The texts of codes as ``encoded`` makes them; shape (n, longest)."""
    texts: list[str] = np.ascontiguousarray(codes).view(f"S{codes.shape[1]}")[:, 0].astype(str).tolist()
    return texts
