"""The winner's final training: on train and validation, at full budget, and the one look at the test data."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nasgen.errors import ExecutorError
from nasgen.evaluation import Evaluation
from nasgen.executors.workers import There, here
from nasgen.planning.budget import LONGEST_FINAL_EPOCHS
from nasgen.settings import Settings
from nasgen.storage.folder import RunFolder
from nasgen.storage.store import Store
from nasgen.tasks import Task
from nasgen.training.speed import seconds_per_epoch
from search_spaces import SourceSpace

if TYPE_CHECKING:
    import torch


CANDIDATES = 3
"""How many of the best are tried before a search ends without a network: a final training may diverge."""

SPENT = 0.96  # of the time that is left; the rest is for scoring and exporting
AT_MOST = 1.5  # times the epochs that are expected to fit
SECONDS_BETWEEN_REPORTS = 10.0


@dataclass(frozen=True, slots=True)
class Final:
    """What the final training came to.

    Attributes
    ----------
    number, genotype
        Of the row that was trained again.
    fitness
        Its fitness in the search.
    validation_accuracy
        Its accuracy on validation there.
    test_accuracy
        Share of the test rows it classifies rightly, 0..1.
    parameters
        Trainable numbers in the network.
    epochs, seconds
        Of the final training.
    after
        Rows with a result when the winner was chosen: a search that has grown since has another winner to find.
    """

    number: int
    genotype: str
    fitness: float
    validation_accuracy: float
    test_accuracy: float
    parameters: int
    epochs: int
    seconds: float
    after: int


def stored_final(store: Store) -> Final | None:
    """The final training of a run that has had it."""
    values = store.meta("final")
    # runs from before there was a bonus: their fitness is the accuracy
    return Final(**{"validation_accuracy": values["fitness"], **values}) if values else None


def train_final(
    settings: Settings,
    task: Task,
    space: Any,
    store: Store,
    folder: RunFolder,
    say: Callable[[str], None],
    left: Callable[[], float | None] = lambda: None,
    there: There = here,
) -> Final | None:
    """Train the best row again, score it on test once, and export it to ``best/``.

    One that cannot be trained again (it diverges, or the memory runs out) makes room for the next best.

    Parameters
    ----------
    left
        Says the seconds left of a time budget, None without one: as many epochs as fit instead of what the
        settings say.
    there
        Calls a function where the GPUs are.

    Returns
    -------
    The result, also kept in the store; None if no row has a fitness, or the best few all fail.
    """
    from nasgen.winner.export import export_best

    done = stored_final(store)
    if done is not None and done.after == store.n_results:
        return done
    state: Mapping[str, torch.Tensor]
    final: Final
    for row in store.best(k=CANDIDATES):
        try:
            state, final = there(final_training, row, settings, task, space, left(), store.n_results, say=say)
        except ExecutorError:  # no word against the candidate
            raise
        except Exception as error:
            say(f"the final training of evaluation {row.number} failed: {type(error).__name__}: {error}")
            continue
        source, base = None, ""
        if isinstance(space, SourceSpace):
            source, base = space.source(space.decode(row.genotype), task.input_shape, task.n_classes)
        export_best(
            folder.best,
            genotype=row.genotype,
            state=state,
            source=source,
            base=base,
            input_shape=task.input_shape,
            normalisation=task.normalisation if task.kind == "images" else None,
            classes=task.classes,
            text=task.text,
        )
        store.set_meta("final", asdict(final))
        return final
    return None


def final_training(
    row: Evaluation,
    settings: Settings,
    task: Task,
    space: Any,
    seconds: float | None,
    after: int,
    *,
    say: Callable[[str], None],
) -> tuple[Mapping[str, torch.Tensor], Final]:
    """One row trained again and scored on test: the state of its network, on the CPU, and what it came to."""
    from nasgen.tasks.examples import all_training_examples, final_test_examples
    from nasgen.training import numerics
    from nasgen.training.loop import Epoch, initialise, score, train
    from nasgen.training.recipe import Recipe
    from nasgen.training.replicas import replicas_for, worth_all_cores

    assert settings.final is not None  # settings of a search that trains have one
    device = numerics.default_device()
    genotype = space.decode(row.genotype)
    seed = row.request.seed
    examples = all_training_examples(task, device)
    of_all = f"all {len(examples)} training {task.kind}"
    recipe = Recipe(**settings.final.recipe)
    step_macs = recipe.batch * space.to_graph(genotype).info.get("macs", math.inf)
    cores = numerics.cores() if worth_all_cores(step_macs) else 1
    replicas = replicas_for(cores, recipe.batch) if device == "cpu" else 1
    numerics.prepare(threads=cores // replicas)

    def network() -> torch.nn.Module:
        return initialise(lambda: space.build(genotype, task.input_shape, task.n_classes), seed)

    limit = None
    if seconds is not None:
        measured = time.monotonic()
        per_epoch = seconds_per_epoch(network(), examples, recipe, replicas=replicas)
        per_epoch *= recipe.relative_cost()
        limit = max(per_epoch, SPENT * (seconds - (time.monotonic() - measured)))  # one epoch has to be
        fitting = round(limit / per_epoch)
        # the clock ends it, so that a machine faster than it seemed may do more
        recipe = recipe.model_copy(update={"epochs": min(LONGEST_FINAL_EPOCHS, math.ceil(AT_MOST * fitting))})
        say(f"final training of evaluation {row.number}: about {min(fitting, recipe.epochs)} epochs on {of_all}")
    else:
        say(f"final training of evaluation {row.number}: {recipe.epochs} epochs on {of_all}")
    started = reported = time.monotonic()

    def spent() -> float:
        return (time.monotonic() - started) / limit if limit is not None else 0.0

    def on_epoch(number: int, epoch: Epoch) -> bool:
        nonlocal reported
        if time.monotonic() - reported > SECONDS_BETWEEN_REPORTS:
            reported = time.monotonic()
            by_steps = recipe.relative_cost((number + 1) / recipe.epochs) / recipe.relative_cost()
            left = (reported - started) * (1 / max(by_steps, spent()) - 1)
            say(f"  epoch {number + 1}  training loss {epoch.train_loss:.3f}  time left {max(0.0, left):.0f} s")
        return False

    trained_network = network()
    trained = train(
        trained_network,
        examples,
        recipe,
        seed=seed,
        on_epoch=on_epoch,
        spent=None if limit is None else spent,
        replicas=replicas,
    )
    numerics.prepare(threads=cores)
    test_accuracy = score(trained_network, final_test_examples(task, device), recipe.precision).accuracy
    epochs = max(1, round(trained.steps / recipe.batches(len(examples))))
    took = time.monotonic() - started
    say(f"final training of evaluation {row.number} ended: {epochs} epochs in {took:.0f} s, test {test_accuracy:.4f}")
    state = {name: tensor.cpu() for name, tensor in trained_network.state_dict().items()}
    return state, Final(
        number=row.number,
        genotype=row.genotype,
        fitness=row.fitness if row.fitness is not None else float("nan"),
        validation_accuracy=row.validation_accuracy if row.validation_accuracy is not None else float("nan"),
        test_accuracy=test_accuracy,
        parameters=sum(parameter.numel() for parameter in trained_network.parameters()),
        epochs=epochs,
        seconds=took,
        after=after,
    )
