"""Stored genotypes: those of a meta-dataset, for a search that chooses among them."""

from __future__ import annotations

from typing import TypeVar

from nasgen.errors import InputError, one_line
from nasgen.storage.inputs import placeless
from nasgen.training.evaluators import recorded_name
from predictors.metadataset import MetaDataset
from search_spaces import SearchSpace
from search_spaces.texts import valid_genotype

G = TypeVar("G")


def read_metadataset(path: str) -> MetaDataset:
    """A meta-dataset with genotypes; InputError if it is none or has no row."""
    try:
        table = MetaDataset.read(path)
    except ValueError as error:
        raise InputError(f"--database: {error}") from error
    if not len(table) or "genotype" not in table.columns:
        found = "no row" if not len(table) else "no such column"
        raise InputError(f"--database {path} must have rows with a column genotype, found {found}")
    return table


def stored_genotypes(path: str, name: str, space: SearchSpace[G]) -> list[G]:
    """The genotypes of a meta-dataset in the order of its rows.

    Raises
    ------
    InputError
        If the file is no meta-dataset of the space, which the search calls ``name``, or a genotype is not valid there.
    """
    table = read_metadataset(path)
    if placeless(table.space["name"]) != placeless(recorded_name(name, space)):
        raise InputError(f"--database {path} must be of the --space {name}, found one of {table.space['name']}")
    genotypes = []
    for row, text in enumerate(table.columns["genotype"], start=1):
        try:
            genotypes.append(valid_genotype(space, text or ""))
        except (ValueError, OverflowError, RecursionError) as error:
            reason = f"{one_line(error)}; make the file with the search's --space-option and the shape of its data"
            raise InputError(f"--database {path}, row {row}: {reason}") from error
    return genotypes
