from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from small_network import small_network
from tiny_sequences import marked
from torch import nn

from nasgen.evaluation import Failure
from nasgen.tasks import get_task
from nasgen.tasks.augmentation import AUGMENTATIONS, Augmentation
from nasgen.tasks.examples import all_training_examples, final_test_examples, training_examples
from nasgen.tasks.images import Images, training_images
from nasgen.training.loop import DivergedError, Epoch, Trained, initialise, score, train
from nasgen.training.recipe import Precision, Recipe

SHORT = Recipe(epochs=2, batch=64, peak_lr=0.2)


@pytest.fixture(scope="module")
def digits() -> tuple[Images, Images]:
    return training_images(get_task("digits"), seed=0)[:2]


def trained(digits: tuple[Images, Images], seed: int, recipe: Recipe = SHORT) -> tuple[nn.Module, Trained]:
    network = initialise(small_network, seed)
    return network, train(network, digits[0], recipe, seed=seed, validation=digits[1])


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([value.flatten().double() for value in network.state_dict().values()])


def test_digits_are_learned_in_ten_epochs(digits: tuple[Images, Images]) -> None:
    recipe = Recipe.for_rows(len(digits[0]), epochs=10)
    network, result = trained(digits, 0, recipe)
    assert result.fitness > 0.97
    assert score(network, digits[1]).accuracy == result.fitness
    assert result.curve[0].train_loss > result.curve[-1].train_loss
    assert len(result.curve) == 10
    assert result.steps == 10 * (len(digits[0]) // recipe.batch)


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_a_seed_repeats_bit_for_bit(digits: tuple[Images, Images], augmentation: Augmentation) -> None:
    recipe = SHORT.model_copy(update={"augmentation": augmentation})
    torch.manual_seed(1)
    first, result = trained(digits, 7, recipe)
    torch.manual_seed(2)  # what stands in the global generator plays no part
    again, repeated = trained(digits, 7, recipe)
    other, _ = trained(digits, 8, recipe)
    assert torch.equal(weights(first), weights(again))
    assert result.curve == repeated.curve
    assert not torch.equal(weights(first), weights(other))


def test_the_training_seed_alone_changes_the_result(digits: tuple[Images, Images]) -> None:
    networks = [initialise(small_network, 0) for _ in range(2)]
    for seed, network in enumerate(networks):
        train(network, digits[0], SHORT, seed=seed)
    assert not torch.equal(weights(networks[0]), weights(networks[1]))


def test_global_generators_are_left_alone(digits: tuple[Images, Images]) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    trained(digits, 0, SHORT.model_copy(update={"epochs": 1}))
    assert torch.equal(torch.rand(1), expected)


def test_dropout_repeats_too(digits: tuple[Images, Images]) -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10))

    networks = [initialise(build, 0) for _ in range(2)]
    for network in networks:
        train(network, digits[0], SHORT, seed=0)
    assert torch.equal(weights(networks[0]), weights(networks[1]))


class Explodes(nn.Module):
    """Logits that are finite at first, and then not, or enormous."""

    def __init__(self, after: int, factor: float) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)
        self.calls, self.after, self.factor = 0, after, factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        logits: torch.Tensor = self.linear(x.flatten(1))
        return logits * self.factor if self.calls > self.after else logits


@pytest.mark.parametrize(("factor", "after"), [(math.nan, 0), (math.inf, 0), (math.nan, 40), (math.inf, 40), (1e6, 40)])
def test_a_lost_training_stops_early(digits: tuple[Images, Images], factor: float, after: int) -> None:
    network = Explodes(after, factor)
    with pytest.raises(DivergedError, match=f"the training loss is .* at step {after + 1}$") as caught:
        train(network, digits[0], Recipe(epochs=50, batch=32, peak_lr=0.1), seed=0)
    assert network.calls <= after + 16
    assert caught.value.failure_kind == "diverged"
    assert Failure.of(caught.value, caught.value.failure_kind).kind == "diverged"


@pytest.mark.parametrize("rows", [2, 3, 33, 63, 65])
def test_batch_norm_never_sees_one_row(digits: tuple[Images, Images], rows: int) -> None:
    sizes = []
    network = small_network()
    network.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    train(network, digits[0].first(rows), Recipe(epochs=1, batch=32, peak_lr=0.1), seed=0)
    assert sum(sizes) == rows
    assert min(sizes) >= min(rows, 32)


def test_the_end_of_an_epoch_may_end_the_training(digits: tuple[Images, Images]) -> None:
    seen: list[tuple[int, Epoch]] = []

    def on_epoch(number: int, epoch: Epoch) -> bool:
        seen.append((number, epoch))
        return number == 1

    recipe = SHORT.model_copy(update={"epochs": 9})
    result = train(small_network(), digits[0], recipe, seed=0, validation=digits[1], on_epoch=on_epoch)
    assert [number for number, _ in seen] == [0, 1]
    assert tuple(epoch for _, epoch in seen) == result.curve


def test_without_validation_there_is_no_fitness(digits: tuple[Images, Images]) -> None:
    assert math.isnan(train(small_network(), digits[0], SHORT, seed=0).fitness)


def test_score_counts_what_is_right() -> None:
    images = final_test_examples(get_task("digits"))

    class Three(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.one_hot(torch.full((len(x),), 3), 10).float()

    assert score(Three(), images).accuracy == (images.labels == 3).double().mean().item()


def test_fewer_rows_are_a_stratified_part_of_the_training_rows() -> None:
    task = get_task("digits")
    whole, validation, glance = training_images(task, 0)
    part, same, _ = training_images(task, 0, rows=200)
    assert 180 <= len(part) <= 200
    assert len(part.labels.unique()) == 10
    assert torch.equal(validation.pixels, same.pixels)
    assert torch.equal(validation.pixels, glance.pixels)  # of so few all are looked at
    rows = {bytes(image.numpy().data) for image in whole.pixels}
    assert all(bytes(image.numpy().data) in rows for image in part.pixels)
    assert len(all_training_examples(task)) == len(whole) + len(validation)


def test_a_short_training_is_judged_by_a_stratified_part_of_validation() -> None:
    images, labels = np.zeros((40_000, 4, 4), dtype=np.uint8), np.sort(np.arange(40_000) % 10)
    task = get_task((images, labels, images[:10], np.arange(10)))
    for rows, judged in ((None, 4_000), (6_000, 3_000), (100, 1_000)):
        _, validation, glance = training_images(task, 0, rows)
        for part, count in ((validation, judged), (glance, 1_000)):
            assert torch.equal(part.labels.bincount(), torch.full((10,), count // 10))


def test_epochs_in_between_are_scored_at_a_glance(digits: tuple[Images, Images]) -> None:
    images, validation = digits
    glance = validation.first(50)
    network = initialise(small_network, 3)
    result = train(network, images, SHORT, seed=3, validation=validation, glance=glance)
    _, whole = trained(digits, 3)
    assert result.curve[-1] == whole.curve[-1]
    once = initialise(small_network, 3)
    steps = iter([*[0.0] * (len(images) // 64), *[1.0] * 99])
    train(once, images, SHORT, seed=3, spent=lambda: next(steps))  # the same first epoch, and no other
    assert result.curve[0].validation_accuracy == score(once, glance).accuracy


def test_a_clock_that_runs_ahead_of_the_steps_shortens_the_schedule(digits: tuple[Images, Images]) -> None:
    used = iter([*np.linspace(0, 1, 11)[:-1], 1.0])
    network = initialise(small_network, 0)
    result = train(network, digits[0], SHORT, seed=0, validation=digits[1], spent=lambda: next(used))
    assert result.steps == 10
    assert len(result.curve) == 1
    assert result.curve[0].validation_accuracy == score(network, digits[1]).accuracy


def test_a_clock_that_lags_behind_the_steps_changes_nothing(digits: tuple[Images, Images]) -> None:
    networks = [initialise(small_network, 0) for _ in range(2)]
    train(networks[0], digits[0], SHORT, seed=0)
    train(networks[1], digits[0], SHORT, seed=0, spent=lambda: 0.0)
    assert torch.equal(weights(networks[0]), weights(networks[1]))


def test_a_recipe_survives_json() -> None:
    recipe = Recipe.for_rows(54_000, epochs=4, augmentation="flip+shift")
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_recipes_for_sequences_survive_json_and_older_ones_are_those_of_images() -> None:
    for recipe in (Recipe.for_sequences(16_875, 6), Recipe.published_for_sequences(15)):
        assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    old = SHORT.model_dump(exclude={"optimiser", "schedule", "precision"})
    assert Recipe(**old) == SHORT
    assert (SHORT.optimiser, SHORT.schedule, SHORT.precision) == ("sgd", "one-cycle", "auto")


def test_the_published_recipe_for_sequences_is_that_of_darji() -> None:
    recipe = Recipe.published_for_sequences(15)
    assert (recipe.optimiser, recipe.peak_lr, recipe.batch, recipe.clip) == ("adam", 1e-3, 128, 5.0)
    assert (recipe.weight_decay, recipe.label_smoothing, recipe.precision) == (0, 0, "float32")
    assert {recipe.cycle(step, 40) for step in range(40)} == {1.0}


def test_the_recipe_of_masks_to_the_letter_is_fifty_steps_on_all_rows() -> None:
    recipe = Recipe.full_batch_for_masks(60_000)
    assert recipe.epochs * recipe.batches(60_000) == 50
    assert recipe == Recipe.published_for_masks(50).model_copy(update={"batch": 60_000, "peak_lr": 0.01})


@pytest.mark.parametrize(("rows", "batch"), [(1, 32), (4_000, 32), (16_875, 128), (25_000, 256), (10**6, 512)])
def test_batches_of_sequences_grow_with_the_data_and_the_rate_with_their_root(rows: int, batch: int) -> None:
    recipe = Recipe.for_sequences(rows, 3)
    assert recipe.batch == batch
    assert recipe.peak_lr == pytest.approx(6e-3 * math.sqrt(batch / 128))


class Types(nn.Module):
    """Notes in which type its products are computed."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 10)
        self.seen: set[torch.dtype] = set()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.linear(x.flatten(1))
        self.seen.add(logits.dtype)
        return logits


@pytest.mark.parametrize(("precision", "expected"), [("auto", torch.bfloat16), ("float32", torch.float32)])
def test_float32_is_kept_where_the_recipe_says_so(
    digits: tuple[Images, Images], monkeypatch: pytest.MonkeyPatch, precision: Precision, expected: torch.dtype
) -> None:
    monkeypatch.setattr("nasgen.training.loop.layout_and_dtype", lambda device: (torch.channels_last, torch.bfloat16))
    network = Types()
    recipe = SHORT.model_copy(update={"epochs": 1, "precision": precision})
    train(network, digits[0], recipe, seed=0, validation=digits[1])
    score(network, digits[1], precision)
    assert network.seen == {expected}


def test_a_bag_of_embeddings_learns_sequences_by_adam() -> None:
    class Bag(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.out = nn.Embedding(10, 8, padding_idx=0), nn.Linear(8, 2)
            nn.init.normal_(self.embedding.weight, std=0.01)

        def forward(self, codes: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.out(self.embedding(codes).amax(dim=1))
            return logits

    training, validation, _ = training_examples(get_task(marked()), 0)
    recipe = Recipe.for_sequences(len(training), 12)
    results = [train(initialise(Bag, 0), training, recipe, seed=0, validation=validation) for _ in range(2)]
    assert results[0].fitness > 0.95
    assert results[0].curve == results[1].curve


@pytest.mark.parametrize(
    "bad", [{"epochs": 0}, {"batch": 1}, {"peak_lr": 0}, {"augmentation": "spin"}, {"colour": 1}, {"optimiser": "lion"}]
)
def test_a_recipe_refuses_nonsense(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Recipe.model_validate({**SHORT.model_dump(), **bad})


@pytest.mark.parametrize("steps", [1, 2, 7, 400])
@pytest.mark.parametrize("warmup", [0.0, 0.25])
def test_the_rate_climbs_once_and_falls_once(steps: int, warmup: float) -> None:
    recipe = SHORT.model_copy(update={"warmup": warmup})
    rates = [recipe.cycle(step, steps) for step in range(steps)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert 0 < min(rates) <= max(rates) <= 1
    if steps == 400:
        assert max(rates) == pytest.approx(1, rel=0.02)
        assert rates[-1] < 0.01


def test_weight_decay_spares_batch_norms_and_biases(digits: tuple[Images, Images]) -> None:
    network = initialise(small_network, 0)
    before = {name: value.clone() for name, value in network.named_parameters()}
    for parameter in network.parameters():
        parameter.register_hook(torch.zeros_like)  # decay alone is left to move the weights
    train(network, digits[0], SHORT.model_copy(update={"weight_decay": 0.1}), seed=0)
    for name, value in network.named_parameters():
        assert torch.equal(value, before[name]) == (value.ndim == 1), name


@pytest.mark.gpu
def test_cuda_trains_with_the_same_call() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    images, validation, _ = training_images(get_task("digits"), 0, device="cuda")
    result = train(initialise(small_network, 0), images, SHORT, seed=0, validation=validation)
    assert result.fitness > 0.5
