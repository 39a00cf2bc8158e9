"""Tables of stored trainings that a search can look fitness up in."""

from __future__ import annotations

import zlib
from pathlib import Path

from nasgen.errors import InputError

KEY_COLUMN = "arch_str"


def read_lookup(path: str, fitness: str, objectives: tuple[str, ...] = ()) -> dict[str, dict[str, float]]:
    """Rows of a CSV table by their ``arch_str``, with the columns asked for as floats.

    Raises
    ------
    InputError
        If the file cannot be read as CSV, lacks a column, or has a column that is not numeric.
    """
    import pandas as pd

    if not Path(path).is_file():
        raise InputError(f"--table expects a CSV file, found no file {path}")
    try:
        frame = pd.read_csv(path)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise InputError(f"--table expects a CSV file, {path} cannot be read as one: {error}") from error
    columns = [fitness, *objectives]
    for column in [KEY_COLUMN, *columns]:
        if column not in frame.columns:
            raise InputError(f"{path}: expected a column {column!r}, found {', '.join(map(str, frame.columns))}")
    for column in columns:
        if not pd.api.types.is_numeric_dtype(frame[column]) or pd.api.types.is_bool_dtype(frame[column]):
            raise InputError(f"{path}: column {column!r} must be numeric, found {frame[column].dtype}")
    if frame.empty:
        raise InputError(f"{path}: expected at least one row, found none")
    repeated = frame[KEY_COLUMN].duplicated()
    if repeated.any():
        raise InputError(f"{path}: expected one row a cell, found {frame[KEY_COLUMN][repeated].iloc[0]} twice")
    values = frame[columns].astype(float).to_dict("records")
    return dict(zip(frame[KEY_COLUMN], values, strict=True))
