"""What holds for every way to deploy: tokens, quick detection of dead nodes, and no address of anybody."""

from __future__ import annotations

import ipaddress
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_lines import DEPLOY, files

CLUSTERS = {
    "ray-up/aws.yaml": ["ray-up/aws.yaml"],
    "ray-up/on-premise.yaml": ["ray-up/on-premise.yaml"],
    "systemd": ["systemd/ray.env", "systemd/nasgen-ray-head.service", "systemd/nasgen-ray-worker.service"],
    "kubernetes/rayjob.yaml": ["kubernetes/rayjob.yaml"],
    "kubernetes/raycluster.yaml": ["kubernetes/raycluster.yaml"],
    "slurm": ["slurm/search.sbatch"],
}
CHECKS = ("health_check_period_ms", "health_check_timeout_ms", "health_check_failure_threshold")
DOCUMENTATION = [ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]


def text_of(name: str) -> str:
    """The files of a cluster without their comments."""
    texts = [(DEPLOY / file).read_text("utf-8") for file in CLUSTERS[name]]
    return re.sub(r"^\s*#.*$", "", "\n".join(texts), flags=re.M)


def setting(name: str, text: str) -> int:
    """The number after NAME=, or after `NAME, value:` in YAML."""
    (value,) = set(re.findall(rf'RAY_{name}(?:=|, value: ")(\d+)', text))
    return int(value)


def test_every_place_that_starts_ray_is_listed() -> None:
    starts = re.compile(r"ray start --|ray symmetric-run --|^kind: Ray", flags=re.M)
    suffixes = {".yaml", ".service", ".sbatch", ".sh"}
    found = {
        str(f.relative_to(DEPLOY)) for f in files() if f.suffix in suffixes and starts.search(f.read_text("utf-8"))
    }
    assert found == {file for listed in CLUSTERS.values() for file in listed} - {"systemd/ray.env"}


@pytest.mark.parametrize("name", CLUSTERS)
def test_nodes_have_the_token_and_send_no_statistics(name: str) -> None:
    text = text_of(name)
    if name.startswith("kubernetes"):
        pods = text.count("template:")
        assert re.search(r"authOptions:\n\s+mode: token\n\s+secretName: nasgen-ray-token\n", text)
        assert text.count('RAY_USAGE_STATS_ENABLED, value: "0"') == pods
        return
    # Each line that starts Ray by itself brings its environment along; units and scripts have it once.
    for place in re.split(r"^\S+_start_ray_commands:", text, flags=re.M)[1:] if name.startswith("ray-up") else [text]:
        assert "RAY_AUTH_MODE=token" in place
        assert "RAY_USAGE_STATS_ENABLED=0" in place
    assert re.search(r"RAY_AUTH_TOKEN=|RAY_AUTH_TOKEN_PATH=|~/\.ray/auth_token: ~/\.ray/auth_token", text)


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_dead_node_is_known_in_a_quarter_of_a_minute(name: str) -> None:
    period, timeout, threshold = (setting(check, text_of(name)) for check in CHECKS)
    assert 10_000 <= (period + timeout) * threshold <= 16_000


def test_ray_knows_the_settings_and_takes_a_minute_by_default() -> None:
    # in a process of its own: clusters of other tests may have changed what this one was told
    code = f"from ray._raylet import Config; print(*(getattr(Config, check)() for check in {CHECKS}))"
    words = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    period, timeout, threshold = map(int, words)
    assert (period + timeout) * threshold == 65_000


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_addresses_are_placeholders(path: Path) -> None:
    text = path.read_text("utf-8")
    for found in re.findall(r"(?<![\d.])\d+\.\d+\.\d+\.\d+(?![\d.])", text):
        address = ipaddress.ip_address(found)
        assert address.is_loopback or address.is_unspecified or any(address in net for net in DOCUMENTATION)
    assert set(re.findall(r"(?:https?|s3)://(\w[\w.-]*)", text)) <= {"BUCKET", "127.0.0.1"}
    assert not re.search(r"(?i)akia[0-9a-z]{16}|-----BEGIN", text)


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_nobody_listens_to_the_world(path: Path) -> None:
    """Only `nasgen serve` in its pod listens on all interfaces, behind a service without an address outside."""
    listens = "0.0.0.0" in re.sub(r"#.*", "", path.read_text("utf-8")) and path.suffix != ".md"
    assert listens == (path.name == "serve.yaml")
