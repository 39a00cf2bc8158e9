from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_network import SOURCE, small_network
from torch import nn
from torch_alone import TORCH_ALONE

from nasgen.tasks import Task, get_task
from nasgen.tasks.examples import final_test_examples
from nasgen.tasks.images import training_images
from nasgen.training.loop import initialise, score, train
from nasgen.training.recipe import Recipe
from nasgen.winner.export import export_best


@pytest.fixture(scope="module")
def task() -> Task:
    return get_task("digits")


@pytest.fixture(scope="module")
def network(task: Task) -> nn.Module:
    made = initialise(small_network, 0)
    train(made, training_images(task, 0)[0], Recipe(epochs=2, batch=32, peak_lr=0.2), seed=0)
    return made


@pytest.fixture
def export(task: Task, network: nn.Module, tmp_path: Path) -> Callable[..., Path]:
    def write(source: str | None = SOURCE, genotype: str = '{"space":"cnn"}') -> Path:
        export_best(
            tmp_path / "best",
            genotype=genotype,
            state=network.state_dict(),
            source=source,
            base="Layers",
            input_shape=task.input_shape,
            normalisation=task.normalisation,
            classes=task.classes,
        )
        return tmp_path / "best"

    return write


def test_the_exported_file_scores_the_same_with_torch_alone(
    task: Task, network: nn.Module, export: Callable[..., Path], tmp_path: Path
) -> None:
    folder = export()
    (folder / "pixels").write_bytes(task.x_test.tobytes())
    (folder / "labels").write_bytes(task.y_test.astype("uint8").tobytes())
    (folder / "main.py").write_text(TORCH_ALONE)
    output = subprocess.check_output([sys.executable, "main.py"], cwd=folder, text=True)
    accuracy, name, training = output.split()
    assert float(accuracy) == score(network, final_test_examples(task)).accuracy > 0.5
    assert (name, training) == ("3", "False")


def test_the_logits_of_raw_images_are_those_of_the_trained_network(
    task: Task, network: nn.Module, export: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(export()))
    monkeypatch.delitem(sys.modules, "network", raising=False)
    import network as exported  # type: ignore[import-not-found]  # it has just been written

    twin = exported.Network()
    images = final_test_examples(task)
    with torch.inference_mode():
        ours = network(images.take(slice(None)))
        theirs = twin(torch.tensor(task.x_test))
    torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-4)
    assert set(twin.state_dict()) == set(network.state_dict())


class Bag(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(128, 2, padding_idx=0)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.embedding(codes).sum(dim=1)
        return logits


BAG = """import torch
from torch import nn


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(128, 2, padding_idx=0)

    def forward(self, codes):
        return self.embedding(codes).sum(dim=1)
"""


@pytest.mark.parametrize("text", [True, False])
def test_a_network_for_sequences_reads_codes_and_those_of_texts_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bool
) -> None:
    bag = initialise(Bag, 0)
    values = {"genotype": "{}", "state": bag.state_dict(), "source": BAG, "base": "Bag", "input_shape": (4,)}
    export_best(tmp_path / "best", **values, normalisation=None, classes=("no", "yes"), text=text)
    monkeypatch.syspath_prepend(str(tmp_path / "best"))
    monkeypatch.delitem(sys.modules, "network", raising=False)
    import network as exported

    twin = exported.Network()
    codes = torch.tensor([[66, 84, 88], [66, 0, 0]], dtype=torch.uint8)
    torch.testing.assert_close(twin(codes), bag(codes.long()))
    assert twin.classes == ("no", "yes")
    assert hasattr(twin, "codes") == text
    if text:
        assert exported.Network.codes(["BTX", "B"]).tolist() == codes.tolist()


def test_a_folder_is_replaced_whole_and_leaves_nothing_beside(export: Callable[..., Path], tmp_path: Path) -> None:
    export(genotype="first")
    folder = export(genotype="second")
    assert (folder / "genotype.json").read_text() == "second\n"
    assert [path.name for path in tmp_path.iterdir()] == ["best"]
    assert sorted(path.name for path in folder.iterdir()) == ["genotype.json", "network.py", "weights.safetensors"]


def test_whoever_may_read_the_code_may_read_the_weights(export: Callable[..., Path]) -> None:
    folder = export()
    assert (folder / "weights.safetensors").stat().st_mode == (folder / "network.py").stat().st_mode


def test_a_failed_export_leaves_the_old_one(export: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = export(genotype="first")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("nasgen.winner.export._write_weights", fail)
    with pytest.raises(OSError, match="disk full"):
        export(genotype="second")
    assert (folder / "genotype.json").read_text() == "first\n"
    assert [path.name for path in folder.parent.iterdir()] == ["best"]


def test_a_space_without_code_has_no_network_file(export: Callable[..., Path]) -> None:
    assert sorted(path.name for path in export(source=None).iterdir()) == ["genotype.json", "weights.safetensors"]
