"""The meta-dataset: one typed table of structures, their features and what they came to, for every family of them.

Stier, Darji, Granitzer 2021, "Experiments on Properties of Hidden Structures of Sparse Neural Networks", sec. 4.4,
learn from such a table of trained CNNs. It is a Parquet file that says of itself which features it holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from predictors.features import FeatureSet, get_features
from search_spaces import LabelledGraph

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
Source = Literal["random", "search", "prune", "rnn"]

SCHEMA = 1
KEY = b"nasgen"
TEXTS = ("genotype", "genotype_id", "fidelity", "source")
INTEGERS = ("seed",)
NUMBERS = ("fitness", "parameters", "macs")


@dataclass(frozen=True)
class MetaDataset:
    """Rows of structures: what they are, their features, and what they came to.

    Attributes
    ----------
    features
        The feature set with its vocabulary.
    values
        The features, shape (n, len(features.names)).
    columns
        The other columns by name, n values each: those of ``TEXTS``, ``INTEGERS`` and ``NUMBERS`` (None or nan where a
        row has none), and any further numbers (proxies, accuracies at a lower fidelity, other targets).
    space
        Name and options of the search space of the genotypes.
    """

    features: FeatureSet
    values: Floats
    columns: Mapping[str, Sequence[Any]]
    space: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        graphs: Sequence[LabelledGraph],
        columns: Mapping[str, Sequence[Any]],
        space: Mapping[str, Any],
        features: str = "default",
    ) -> MetaDataset:
        """The table of some graphs.

        Raises
        ------
        ValueError
            If a column has another length or the name of a feature, or a source is none.
        """
        known = get_features(features).fit(graphs)
        rows = {name: list(values) for name, values in columns.items()}
        rows = {name: [None] * len(graphs) for name in (*TEXTS, *INTEGERS, *NUMBERS)} | rows
        for name, values in rows.items():
            if len(values) != len(graphs):
                raise ValueError(f"column {name!r} must have one value a graph ({len(graphs)}), found {len(values)}")
            if name in known.names:
                raise ValueError(f"column {name!r} must have a name of its own, found it among the features")
        named = {value for value in rows["source"] if value is not None and value == value}  # nan: no text, as None
        if unknown := named - set(get_args(Source)):
            raise ValueError(f"source must be one of {', '.join(get_args(Source))}, found {min(unknown, key=str)!r}")
        return cls(known, known.compute(graphs), rows, dict(space))

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.values)

    def numbers(self, name: str) -> Floats:
        """A column of numbers, shape (n,), nan where a row has none; ValueError if there is no such column."""
        if name in self.features.names:
            return self.values[:, self.features.names.index(name)]
        numeric = [column for column in self.columns if column not in TEXTS]
        if name not in numeric:
            raise ValueError(f"expected a column of numbers, one of {', '.join(numeric)}, found {name!r}")
        return np.array([np.nan if value is None else value for value in self.columns[name]], dtype=np.float64)

    def write(self, path: str | Path) -> None:
        """Write the Parquet file, whole or not at all."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = dict.fromkeys(TEXTS, pa.string()) | dict.fromkeys(INTEGERS, pa.int64())
        arrays = {
            # nan stands for no text and no integer as None does
            name: pa.array(values, types.get(name, pa.float64()), from_pandas=name in types)
            for name, values in self.columns.items()
        }
        arrays |= {name: pa.array(self.values[:, place]) for place, name in enumerate(self.features.names)}
        about = {
            "schema": SCHEMA,
            "features": self.features.name,
            "features_version": self.features.version,
            "vocabulary": self.features.vocabulary(),
            "space": dict(self.space),
        }
        table = pa.table(arrays).replace_schema_metadata({KEY: json.dumps(about).encode()})
        path = Path(path)
        beside = path.with_name(f".{path.name}.part")
        try:
            pq.write_table(table, beside, compression="zstd", write_page_checksum=True)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    @classmethod
    def read(cls, path: str | Path) -> MetaDataset:
        """The table of a file that :meth:`write` wrote.

        Raises
        ------
        ValueError
            If the file is none, is damaged, or holds features of another version; in one line that names it.
        """
        table = _table(Path(path))
        try:
            about = json.loads((table.schema.metadata or {})[KEY])
            features = get_features(about["features"])
            if about["schema"] != SCHEMA or about["features_version"] != features.version:
                found = f"schema {about['schema']}, version {about['features_version']}"
                raise ValueError(
                    f"must be of schema {SCHEMA}, its features of version {features.version}, found {found}"
                )
            features = features.with_vocabulary(about["vocabulary"])
            values = np.column_stack([table.column(name).to_numpy() for name in features.names]).astype(np.float64)
            others = [name for name in table.column_names if name not in features.names]
            columns = {name: table.column(name).to_pylist() for name in others}
            space = about["space"]
            if [type(space["name"]), type(space["options"])] != [str, dict]:
                raise TypeError
            return cls(features, values, columns, space)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = str(error).splitlines()[0] if isinstance(error, ValueError) else "it lacks what one says of itself"
            raise ValueError(f"{path} is no meta-dataset of this version: {reason}") from error


def _table(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise ValueError(f"expected a Parquet file, found no file {path}")
    try:
        return pq.read_table(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from error


def is_metadataset(path: str | Path) -> bool:
    """Whether a file is Parquet and says that it is a meta-dataset."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return KEY in (pq.read_schema(path).metadata or {})
    except (pa.ArrowException, OSError):
        return False
