"""Programs that run an exported network where there is nothing of nasgen, and torch alone."""

from __future__ import annotations

BLOCKED = """
import importlib.abc, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("nasgen", "search_spaces", "predictors", "safetensors", "sklearn"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
"""

TORCH_ALONE = f"""{BLOCKED}
from pathlib import Path
import torch
torch.set_num_threads(1)
from network import Network
network = Network()
pixels = torch.tensor(bytearray(Path("pixels").read_bytes()), dtype=torch.uint8).view(-1, 1, 8, 8)
labels = torch.tensor(bytearray(Path("labels").read_bytes()), dtype=torch.uint8)
with torch.inference_mode():
    print((network(pixels).argmax(1) == labels).double().mean().item(), network.classes[3], network.training)
"""
