"""A network found by nasgen: images of shape (N, 3, 32, 32) to logits of shape (N, 10)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvBlock(nn.Module):
    """Convolution that keeps height and width, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = ConvBlock(3, 24, 3)
        self.conv2 = ConvBlock(24, 48, 3)
        self.avg_pool3 = nn.AvgPool2d(2)
        self.conv4 = ConvBlock(48, 104, 3)
        self.avg_pool5 = nn.AvgPool2d(2)
        self.conv6 = ConvBlock(104, 200, 3)
        self.avg_pool7 = nn.AvgPool2d(2)
        self.conv8 = ConvBlock(200, 200, 3)
        self.head = nn.Linear(200, 10)

    def forward(self, v0: Tensor) -> Tensor:
        v1 = self.conv1(v0)  # 24 x 32 x 32
        v2 = self.conv2(v1)  # 48 x 32 x 32
        v3 = self.avg_pool3(v2)  # 48 x 16 x 16
        v4 = self.conv4(v3)  # 104 x 16 x 16
        v5 = self.avg_pool5(v4)  # 104 x 8 x 8
        v6 = self.conv6(v5)  # 200 x 8 x 8
        v7 = self.avg_pool7(v6)  # 200 x 4 x 4
        v8 = self.conv8(v7)  # 200 x 4 x 4
        return self.head(v8.mean(dim=(2, 3)))


# From here on: normalisation and weights.

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


class Network(Layers):
    """The trained network, ready to use: ``Network()(images)`` are the logits, one column a class.

    ``images`` are raw, of shape (n, 3, 32, 32), on the scale of the data it was trained on; they are
    normalised here. ``Network.classes`` names the columns.
    """

    classes = ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9')

    def __init__(self, weights=Path(__file__).with_name("weights.safetensors")):
        super().__init__()
        self.register_buffer("mean_", torch.tensor([125.306918046875, 122.950394140625, 113.86538318359375]).view(-1, 1, 1), persistent=False)
        self.register_buffer("std_", torch.tensor([62.99321927813691, 62.088707640014164, 66.70489964063097]).view(-1, 1, 1), persistent=False)
        self.load_state_dict(read_safetensors(weights))
        self.eval()

    def forward(self, images):
        return super().forward((images.to(self.mean_.dtype) - self.mean_) / self.std_)
