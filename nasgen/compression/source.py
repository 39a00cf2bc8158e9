"""What is pruned: an exported network, with the data and the recipe that it was trained with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasgen.errors import InputError
from nasgen.planning.budget import training_budget
from nasgen.planning.kinds import common_options
from nasgen.planning.resolve import regime_of
from nasgen.settings import Settings
from nasgen.storage.folder import RunFolder
from nasgen.storage.inputs import with_copies
from nasgen.tasks import get_task
from nasgen.training.evaluators import build_space
from nasgen.winner.export import GENOTYPE, WEIGHTS
from search_spaces import SlimmingNetwork, TrainableSpace

if TYPE_CHECKING:
    from torch import nn

    from nasgen.tasks import Task


@dataclass(frozen=True)
class Source:
    """An exported network.

    Attributes
    ----------
    weights
        Its file, with the genotype beside it.
    space, options
        Its search space.
    data
        Names its task.
    recipe
        Of its training, as JSON.
    """

    weights: Path
    space: str
    options: str
    data: str
    recipe: str

    @property
    def genotype(self) -> str:
        """The text of its genotype."""
        return _read_genotype(self.weights)

    @property
    def inputs_hash(self) -> str:
        """Of what a pruned network depends on beside weights and options: data, recipe and search space."""
        values = [self.task().data_hash, self.recipe, self.space, self.options]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()

    def task(self) -> Task:
        """Its data, read once a process."""
        return _task(self.data)

    def search_space(self) -> TrainableSpace[Any]:
        """The space it was found in."""
        space: TrainableSpace[Any] = build_space(self.space, json.loads(self.options))
        return space

    def network(self) -> nn.Module:
        """The trained network, on the CPU.

        Raises
        ------
        InputError
            If genotype, data and weights do not go together.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        task, space = self.task(), self.search_space()
        try:
            network = space.build(space.decode(self.genotype), task.input_shape, task.n_classes)
            network.load_state_dict(load_file(self.weights))
        except (ValueError, RuntimeError, SafetensorError) as error:
            raise InputError(
                f"{self.weights}: expected the weights of the network in {GENOTYPE} beside it, for the data "
                f"{task.name} of shape {task.input_shape} and {task.n_classes} classes, found otherwise: "
                f"{str(error).splitlines()[0]}"
            ) from error
        return network.eval()


def _task(data: str) -> Task:
    file = Path(data)
    return _read_task(data, file.stat().st_mtime_ns if file.is_file() else 0)


@cache
def _read_task(data: str, changed: int) -> Task:
    """A task, read once a process as long as its file has not changed."""
    return get_task(data)


def find_source(path: str, data: str | None) -> Source:
    """The network of a finished run, or of the folder of exported weights, or their file.

    Parameters
    ----------
    path
        What the user named.
    data
        The task, for weights without their run; None for that of the run, which another one may not replace.

    Raises
    ------
    InputError
        If there is no trained network, no task, or the two do not go together.
    """
    weights = _weights(Path(path))
    if weights.parent == Path():
        weights = weights.resolve()  # of which there is a folder above
    run = weights.parent.parent
    if weights.parent.name == "best" and (run / "run.json").is_file():
        return _of_run(RunFolder.open(run), weights, data)
    if data is None:
        raise InputError(f"{path}: expected weights in their run, which names its data, found no run: give --task")
    return _alone(weights, data)


def _weights(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise InputError(f"expected the folder of a run, or a file or folder of exported weights, found no {path}")
    if (path / "run.json").is_file() and not (path / "best" / WEIGHTS).is_file():
        raise InputError(
            f"{path}: expected a run that has trained its winner, found none: `nasgen resume` finishes one that trains"
        )
    for place in (path / "best" / WEIGHTS, path / WEIGHTS):
        if place.is_file():
            return place
    raise InputError(f"{path}: expected a run, or a folder with {WEIGHTS}, found neither")


def _of_run(folder: RunFolder, weights: Path, data: str | None) -> Source:
    values = folder.settings().model_dump(mode="json")
    settings = Settings(**with_copies(values, folder.path))
    assert settings.final is not None  # a run with weights has trained them
    if data is None:
        data = str(folder.data.resolve()) if folder.data.exists() else settings.task
    assert data is not None  # as above
    expected = folder.read()["identity"]["data_hash"]
    options = json.dumps(dict(settings.space_options))
    source = _checked(Source(weights, settings.space, options, data, json.dumps(settings.final.recipe)))
    if source.task().data_hash != expected:
        raise InputError(f"{data}: expected the data that the run {folder.path} was trained on, found others")
    return source


def _alone(weights: Path, data: str) -> Source:
    space = _space_of(_read_genotype(weights), weights)
    task = _task(data)
    options = json.dumps(common_options(space, task))
    made = build_space(space, json.loads(options))
    if not isinstance(made, TrainableSpace):
        raise InputError(f"{weights}: expected a network of a space that trains, found one of {space}")
    rows = len(task.y_train)
    regime = regime_of(made, task, "none")
    recipe = json.dumps(training_budget(task.input_shape, rows, rows, regime).final.recipe)
    source = Source(weights, space, options, data, recipe)
    _check_order(source)
    return _checked(source)


def _check_order(source: Source) -> None:
    """Refuse a network that was made smaller and is not what its genotype builds: its vertices run in another order."""
    task, space = source.task(), source.search_space()
    try:
        genotype = space.decode(source.genotype)
        network = space.build(genotype, task.input_shape, task.n_classes)
    except ValueError:
        return  # found again, and told, where the weights are read
    if isinstance(network, SlimmingNetwork) and network.described()[0] != genotype:
        raise InputError(
            f"{source.weights}: expected a network whose vertices run in canonical order, found one that lost channels "
            "and with them that order: prune the network it came from to a higher rate"
        )


def _checked(source: Source) -> Source:
    task, options = source.task(), json.loads(source.options)
    found: Mapping[str, Any] = {"input_shape": list(task.input_shape), "n_classes": task.n_classes}
    for name, value in found.items():
        if options.get(name, value) != value:
            raise InputError(
                f"--task must be of {name} {options[name]}, as the network is, found {value} in {task.name}"
            )
    source.network()
    return source


def _read_genotype(weights: Path) -> str:
    path = weights.with_name(GENOTYPE)
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{weights}: expected its genotype beside it, found no {path} that can be read") from error


def _space_of(genotype: str, weights: Path) -> str:
    """The space that a genotype names."""
    from search_spaces.space import SPACES

    try:
        name = json.loads(genotype)["space"]
    except (ValueError, TypeError, KeyError):
        name = None
    if not isinstance(name, str) or name not in SPACES:
        raise InputError(
            f"{weights.with_name(GENOTYPE)}: expected a genotype of one of {', '.join(SPACES)}, found another text: "
            "name the run instead, which knows its space"
        )
    return name
