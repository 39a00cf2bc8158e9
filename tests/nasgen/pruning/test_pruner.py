"""The pruner: exact counts whatever the saliency, scope and schedule; ties, rewinding, and nothing that comes back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nasgen.pruning import SALIENCIES, SCOPES, Bucket, Cubic, FixedSize, Geometric, Pruner, Relative, Step, targets_of
from nasgen.pruning.pruner import snapshot
from nasgen.pruning.schedule import Schedule


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, 4))


TOTAL = 160


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("saliency", SALIENCIES)
def test_counts_are_exact_and_what_went_stays_away(saliency: str, scope: str) -> None:
    module = network()
    targets = targets_of(module)
    schedule = Geometric(0.9, 3)
    gone: set[int] = set()
    kept = []
    for step in Pruner(module, targets, saliency, scope, schedule, inputs=torch.randn(30, 12)):
        flat = torch.cat([target.mask.flatten() for target in targets])
        now = set(torch.where(flat == 0)[0].tolist())
        assert gone < now
        gone = now
        kept.append(step.kept)
        assert step.kept == int(flat.sum())
        assert step == Step(len(kept) - 1, kept[-1], TOTAL)
    assert kept == [74, 34, 16]  # 160 times .1^(1/3), .1^(2/3) and .1
    for target in targets:
        assert not target.weight[target.mask == 0].any()


@pytest.mark.parametrize(
    ("schedule", "kept"),
    [
        (FixedSize(60), [100, 40]),
        (Relative(0.5), [80, 40, 20, 10, 5, 3, 2, 1]),
        (Cubic(0.5, 2), [90, 80]),  # 7/8 of the half first
    ],
)
def test_every_schedule_counts_the_weights_of_the_whole_network(schedule: Schedule, kept: list[int]) -> None:
    module = network()
    assert [step.kept for step in Pruner(module, targets_of(module), "magnitude", "global", schedule)] == kept


def test_a_bucket_holds_the_saliency_of_what_goes_at_a_step() -> None:
    module = nn.Linear(4, 1, bias=False)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[1.0, -2.0, 3.0, 7.0]]))
    (target,) = targets = targets_of(module)
    pruner = Pruner(module, targets, "magnitude", "global", Bucket(3.0))
    assert [step.kept for step in pruner] == [2, 1]  # 1 + 2, then 3; 7 does not fit
    assert target.mask.tolist() == [[0, 0, 0, 1]]


def test_equal_weights_go_from_the_first_and_no_more_than_asked() -> None:
    """A threshold would take them all, or none."""
    module = nn.Sequential(nn.Linear(3, 2, bias=False), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(0.5)
    targets = targets_of(module)
    step = next(iter(Pruner(module, targets, "magnitude", "global", Relative(0.7))))
    assert step.kept == 3
    assert [target.mask.flatten().tolist() for target in targets] == [[0, 0, 0, 0, 0, 0], [0, 1, 1, 1]]


def test_rewinding_takes_weights_back_but_not_those_that_went() -> None:
    module = network()
    start = snapshot(module)
    targets = targets_of(module)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape))
    for step in Pruner(module, targets, "magnitude", "global", Geometric(0.75, 2), rewind=start):
        for target in targets:
            assert torch.equal(target.weight, start[target.name] * target.mask)
        assert torch.equal(module[1].bias, start["1.bias"])
        with torch.no_grad():
            module[1].bias.add_(1)
        assert step.kept in (80, 40)


def test_the_same_seed_draws_the_same_random_mask() -> None:
    masks = []
    for seed in (0, 0, 1):
        module = network()
        targets = targets_of(module)
        list(Pruner(module, targets, "random", "global", Relative(0.999), seed=seed))
        masks.append(targets[0].mask)
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


@pytest.mark.parametrize(("saliency", "scope"), [("size", "global"), ("magnitude", "layer")])
def test_unknown_names_are_refused_with_the_known_ones(saliency: str, scope: str) -> None:
    module = network()
    with pytest.raises(ValueError, match=r"(saliency must be one of random, .*'size'|scope must be .*'layer')"):
        Pruner(module, targets_of(module), saliency, scope, Relative(0.5))
