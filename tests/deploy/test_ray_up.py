"""The cluster files of `ray up`, as Ray's own launcher prepares and validates them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from command_lines import DEPLOY
from ray.autoscaler._private.util import prepare_config, validate_config

CLUSTERS = sorted((DEPLOY / "ray-up").glob("*.yaml"))


def prepared(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with Ray's defaults, validated."""
    config = prepare_config(copy.deepcopy(config))
    validate_config(config)
    return config


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text("utf-8"))


@pytest.fixture(params=CLUSTERS, ids=lambda path: path.stem)
def config(request: pytest.FixtureRequest) -> dict[str, Any]:
    return read(request.param)


def test_both_kinds_of_cluster_are_there() -> None:
    assert [read(path)["provider"]["type"] for path in CLUSTERS] == ["aws", "local"]


def test_ray_accepts_the_cluster(config: dict[str, Any]) -> None:
    workers = [kind for name, kind in prepared(config)["available_node_types"].items() if kind["max_workers"]]
    assert sum(kind["min_workers"] for kind in workers) >= 2
    assert all(kind["max_workers"] <= config["max_workers"] for kind in workers)


def test_no_default_installs_ray(config: dict[str, Any]) -> None:
    """The defaults of `ray up` on AWS install a development version of Ray where no commands are given."""
    ready = prepared(config)
    commands = [*ready["setup_commands"], *ready["head_setup_commands"], *ready["worker_setup_commands"]]
    assert not any("ray-wheels" in command or "boto3" in command for command in commands)


def test_the_head_trains_nothing(config: dict[str, Any]) -> None:
    head = config.get("available_node_types", {}).get(config.get("head_node_type"), {})
    start = config["head_start_ray_commands"][-1]
    assert head.get("resources") == {"CPU": 0} or "--num-cpus=0" in start


def test_mounted_files_are_there(config: dict[str, Any]) -> None:
    for local in config["file_mounts"].values():
        assert local.startswith("~") or (DEPLOY.parent / local).exists()


BREAKS = {
    "misspelt field": lambda c: c.update(worker_start_commands=[]),
    "wrong type": lambda c: c.update(idle_timeout_minutes="ten"),
    "no provider": lambda c: c.pop("provider"),
    "commands that are no list": lambda c: c.update(head_start_ray_commands="ray start --head"),
    "no type of provider": lambda c: c["provider"].update(type=3),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_copy_is_refused(config: dict[str, Any], name: str) -> None:
    BREAKS[name](config)
    with pytest.raises((jsonschema.ValidationError, ValueError, KeyError, NotImplementedError)):
        prepared(config)


def test_more_workers_than_allowed_are_refused() -> None:
    config = read(DEPLOY / "ray-up" / "aws.yaml")
    config["available_node_types"]["cpu"]["min_workers"] = config["max_workers"] + 1
    with pytest.raises(ValueError, match="max_workers"):
        prepared(config)
