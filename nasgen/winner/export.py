"""The winner's folder: its genotype, its weights, and a file of source code that needs torch alone."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nasgen.errors import InputError
from nasgen.storage.folder import RunFolder
from nasgen.storage.store import Store
from nasgen.tasks.task import Normalisation
from nasgen.training.evaluators import build_space
from nasgen.winner.exported_code import network_code
from search_spaces import SourceSpace

if TYPE_CHECKING:
    import torch

GENOTYPE = "genotype.json"
WEIGHTS = "weights.safetensors"
NETWORK = "network.py"
FORMATS = ("genotype", "weights", "python")


def export_best(
    folder: Path,
    *,
    genotype: str,
    state: Mapping[str, torch.Tensor],
    source: str | None,
    base: str,
    input_shape: Sequence[int],
    normalisation: Normalisation | None,
    classes: Sequence[str],
    text: bool = False,
) -> None:
    """Write the folder of a trained network; it appears whole, in place of one that stood there.

    Parameters
    ----------
    folder
        To be written; its parent must exist.
    genotype
        The text of the genotype.
    state
        ``network.state_dict()`` of the trained network.
    source
        Python that needs torch alone and defines a module class without constructor arguments, whose state
        has the names and shapes of ``state`` and which reads normalised images, or codes. None where the search
        space writes no code: the folder then has no ``network.py``.
    base
        The name of that class; not ``Network``, which the written file defines on top of it.
    input_shape
        Channels, height and width; the steps of sequences.
    normalisation
        What the network was trained with; becomes part of ``Network.forward``. None for sequences.
    classes
        One name a label.
    text
        Whether sequences are of ASCII codes: ``Network.codes`` then makes them of strings.
    """
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (partial / GENOTYPE).write_text(genotype + "\n", encoding="utf-8")
        _write_weights(partial / WEIGHTS, state)
        tail = network_code(base, tuple(input_shape), tuple(classes), WEIGHTS, normalisation, text)
        if source is not None:
            (partial / NETWORK).write_text(source.rstrip() + "\n" + tail, encoding="utf-8")
        partial.chmod(0o755)  # a temporary folder is private, the result is not
        _swap(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_weights(path: Path, state: Mapping[str, torch.Tensor]) -> None:
    from safetensors.torch import save

    # the format knows neither channels-last strides nor tensors that share memory; a file that safetensors writes
    # itself is private
    path.write_bytes(save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}))


def _swap(partial: Path, folder: Path) -> None:
    """Put ``partial`` in the place of ``folder``; what stood there goes only when the new one is complete."""
    if folder.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        folder.replace(old)
        partial.replace(folder)
        shutil.rmtree(old)
    else:
        partial.replace(folder)


def exported_network(folder: Path) -> torch.nn.Module:
    """The network in an exported folder, on raw images or codes; its ``network.py``, which makes it, is run."""
    spec = importlib.util.spec_from_file_location(f"exported_{hash(folder.resolve())}", folder / NETWORK)
    assert spec is not None  # a .py file always has a spec and a loader
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network: torch.nn.Module = module.Network()
    return network


def export_text(run: str, form: str, rank: int) -> str:
    """What ``nasgen export`` prints: a genotype, the code of a network, or the path of the winner's weights.

    Raises
    ------
    InputError
        If the run has no such thing.
    """
    if form not in FORMATS:
        raise InputError(f"--format must be one of {', '.join(FORMATS)}, found {form!r}")
    folder = RunFolder.open(run)
    with Store(folder.store_path, read_only=True) as store:
        final = store.meta("final")
        ranked = store.best(k=max(rank, 1))
    if not 1 <= rank <= len(ranked):
        raise InputError(f"--rank must be 1 to the number of rows with a fitness, found {rank}")
    winner = rank == 1 and final is not None
    if form == "genotype":
        return str(final["genotype"]) if winner else ranked[rank - 1].genotype
    file = folder.best / (WEIGHTS if form == "weights" else NETWORK)
    if winner and file.is_file():
        return str(file) if form == "weights" else file.read_text(encoding="utf-8").rstrip()
    if form == "weights":
        todo = "use --rank 1" if final is not None else f"finish it with `nasgen resume {run}`"
        raise InputError(f"only the winner of a finished training search has weights: {todo}")
    return _source_of(folder, ranked[rank - 1].genotype)


def _source_of(folder: RunFolder, genotype: str) -> str:
    """The untrained code of a genotype of a run."""
    settings = folder.read()["settings"]
    space = build_space(settings["space"], settings["space_options"])
    if not isinstance(space, SourceSpace):
        raise InputError(f"the search space {settings['space']} writes no code: use --format genotype")
    options = settings["space_options"]
    if "input_shape" not in options:
        raise InputError("the code of a network depends on the data, and this run looked its fitness up")
    return space.source(space.decode(genotype), tuple(options["input_shape"]), options["n_classes"])[0].rstrip()
