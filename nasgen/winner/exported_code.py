"""What an exported network.py says after the layers: how weights are read, and the class that is ready to use."""

from __future__ import annotations

from string import Template

from nasgen.tasks.task import Normalisation

_WEIGHTS = Template('''

# From here on: $parts.

import json
from pathlib import Path

import torch


def read_safetensors(path):
    """The tensors of a .safetensors file by name: a JSON header, then their bytes, little-endian."""
    types = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
             "I64": torch.int64, "I32": torch.int32, "U8": torch.uint8, "BOOL": torch.bool}
    content = torch.frombuffer(bytearray(Path(path).read_bytes()), dtype=torch.uint8)
    start = 8 + int.from_bytes(bytes(content[:8].tolist()), "little")
    header = json.loads(bytes(content[8:start].tolist()))
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        raw = content[start + first : start + last].clone()
        tensors[name] = raw.view(types[entry["dtype"]]).reshape(entry["shape"])
    return tensors
''')

_OF_IMAGES = Template('''

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

_OF_SEQUENCES = Template('''

class Network($base):
    """The trained network, ready to use: ``Network()(codes)`` are the logits, one column a class.

    ``codes`` are integers of shape (n, steps), 0 after the end of each sequence. It was trained on up to $shape
    steps. ``Network.classes`` names the columns.
    """

    classes = $classes

    def __init__(self, weights=Path(__file__).with_name("$weights")):
        super().__init__()
        self.load_state_dict(read_safetensors(weights))
        self.eval()

    def forward(self, codes):
        return super().forward(codes.long())
''')

_OF_TEXTS = '''
    @staticmethod
    def codes(texts):
        """What the network reads of strings: their ASCII codes, shape (n, steps), 0 after the end of each."""
        rows = [torch.tensor(list(text.encode("ascii")), dtype=torch.long) for text in texts]
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
'''


def network_code(
    base: str,
    input_shape: tuple[int, ...],
    classes: tuple[str, ...],
    weights: str,
    normalisation: Normalisation | None,
    text: bool = False,
) -> str:
    """The class ``Network`` on top of a class of layers, in Python that needs torch alone.

    Parameters
    ----------
    base
        The class of layers, which stands above.
    input_shape
        (C, H, W) of images, (steps,) of sequences.
    classes
        One name a label.
    weights
        Name of the file of weights beside it.
    normalisation
        Of images; None for sequences.
    text
        Whether sequences are of ASCII codes, which ``Network.codes`` then makes of strings.
    """
    common = {
        "base": base,
        "shape": ", ".join(map(str, input_shape)),
        "classes": repr(classes),
        "weights": weights,
    }
    if normalisation is None:
        code = _WEIGHTS.substitute(parts="weights") + _OF_SEQUENCES.substitute(common)
        return code + _OF_TEXTS if text else code
    scale = {"mean": list(normalisation.mean), "std": list(normalisation.std)}
    return _WEIGHTS.substitute(parts="normalisation and weights") + _OF_IMAGES.substitute(common, **scale)
