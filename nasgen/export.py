"""The winner's folder: its genotype, its weights, and a file of source code that needs torch alone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from nasgen.tasks.task import Normalisation

if TYPE_CHECKING:
    import torch

GENOTYPE = "genotype.json"
WEIGHTS = "weights.safetensors"
NETWORK = "network.py"

_TAIL = Template('''

# From here on: normalisation and weights.

import json
from pathlib import Path

import torch


def read_safetensors(path):
    """The tensors of a .safetensors file by name: a JSON header, then their bytes, little-endian."""
    types = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
             "I64": torch.int64, "I32": torch.int32, "U8": torch.uint8, "BOOL": torch.bool}
    content = bytearray(Path(path).read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        raw = torch.tensor(content[start + first : start + last], dtype=torch.uint8)
        tensors[name] = raw.view(types[entry["dtype"]]).reshape(entry["shape"])
    return tensors


class Network($base):
    """The trained network, ready to use: ``Network()(images)`` are the logits, one column a class.

    ``images`` are raw, of shape (n, $shape), on the scale of the data it was trained on; they are
    normalised here. ``Network.classes`` names the columns.
    """

    classes = $classes

    def __init__(self, weights=Path(__file__).with_name("$weights")):
        super().__init__()
        self.register_buffer("mean_", torch.tensor($mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std_", torch.tensor($std).view(-1, 1, 1), persistent=False)
        self.load_state_dict(read_safetensors(weights))
        self.eval()

    def forward(self, images):
        return super().forward((images.to(self.mean_.dtype) - self.mean_) / self.std_)
''')


def export_best(
    folder: Path,
    *,
    genotype: str,
    state: Mapping[str, torch.Tensor],
    source: str,
    base: str,
    input_shape: Sequence[int],
    normalisation: Normalisation,
    classes: Sequence[str],
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
        has the names and shapes of ``state`` and which reads normalised images.
    base
        The name of that class; not ``Network``, which the written file defines on top of it.
    input_shape
        Channels, height and width.
    normalisation
        What the network was trained with; becomes part of ``Network.forward``.
    classes
        One name a label.
    """
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (partial / GENOTYPE).write_text(genotype + "\n", encoding="utf-8")
        _write_weights(partial / WEIGHTS, state)
        tail = _TAIL.substitute(
            base=base,
            shape=", ".join(map(str, input_shape)),
            classes=repr(tuple(classes)),
            weights=WEIGHTS,
            mean=list(normalisation.mean),
            std=list(normalisation.std),
        )
        (partial / NETWORK).write_text(source.rstrip() + "\n" + tail, encoding="utf-8")
        partial.chmod(0o755)  # a temporary folder is private, the result is not
        _swap(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_weights(path: Path, state: Mapping[str, torch.Tensor]) -> None:
    from safetensors.torch import save_file

    # the format knows neither channels-last strides nor tensors that share memory
    save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}, path)


def _swap(partial: Path, folder: Path) -> None:
    """Put ``partial`` in the place of ``folder``; what stood there goes only when the new one is complete."""
    if folder.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        folder.replace(old)
        partial.replace(folder)
        shutil.rmtree(old)
    else:
        partial.replace(folder)
