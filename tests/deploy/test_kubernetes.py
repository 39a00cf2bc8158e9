"""The objects for Kubernetes and KubeRay, against a schema of the fields used that refuses every other."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from command_lines import DEPLOY
from test_docker import pins

Object = dict[str, Any]


def closed(schema: Any) -> Any:
    """The schema with additionalProperties: false in every object of which it lists the properties."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    lists_them = schema.get("type") == "object" and "properties" in schema
    return {key: closed(item) for key, item in schema.items()} | ({"additionalProperties": False} if lists_them else {})


SCHEMA = closed(yaml.safe_load((Path(__file__).parent / "kubernetes_schema.yaml").read_text("utf-8")))
OBJECTS: dict[str, Object] = {
    f"{path.stem}:{found['kind']}": found
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for found in yaml.safe_load_all(path.read_text("utf-8"))
}


def validate(found: Object) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(found)


def cluster(name: str) -> Object:
    """The part of an object that describes a Ray cluster."""
    spec = OBJECTS[name]["spec"]
    return spec.get("rayClusterSpec", spec)


CLUSTERS = [name for name, found in OBJECTS.items() if found["apiVersion"].startswith("ray.io")]


def test_the_objects_are_there() -> None:
    assert set(OBJECTS) == {
        "raycluster:RayCluster",
        "rayjob:RayJob",
        "serve:Deployment",
        "serve:Service",
        "serve:NetworkPolicy",
    }
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", OBJECTS)
def test_the_object_is_valid(name: str) -> None:
    validate(OBJECTS[name])


def head(found: Object) -> Object:
    spec = found["spec"].get("rayClusterSpec", found["spec"])
    return spec["headGroupSpec"]["template"]["spec"]["containers"][0]


BREAKS: dict[str, Callable[[Object], Any]] = {
    "old apiVersion": lambda o: o.update(apiVersion="ray.io/v1alpha1"),
    "unknown kind": lambda o: o.update(kind="RayServise"),
    "misspelt field of the spec": lambda o: o["spec"].update(shutdownAfterJobFinish=True),
    "misspelt field of a container": lambda o: head(o).update(volumeMount=[]),
    "no limits": lambda o: head(o)["resources"].pop("limits"),
    "no memory limit": lambda o: head(o)["resources"]["limits"].pop("memory"),
    "number for a string": lambda o: head(o)["env"][0].update(value=0),
    "image without a tag": lambda o: head(o).update(image="nasgen"),
    "root": lambda o: head(o)["securityContext"].update(allowPrivilegeEscalation=True),
    "no spec": lambda o: o.pop("spec"),
}


@pytest.mark.parametrize("name", CLUSTERS)
@pytest.mark.parametrize("how", BREAKS)
def test_a_broken_cluster_is_refused(name: str, how: str) -> None:
    broken = copy.deepcopy(OBJECTS[name])
    BREAKS[how](broken)
    with pytest.raises(jsonschema.ValidationError):
        validate(broken)


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("serve:Deployment", ("spec", "replica"), 2),
        ("serve:Deployment", ("apiVersion",), "extensions/v1beta1"),
        ("serve:Service", ("spec", "type"), "LoadBalancer"),
        ("serve:NetworkPolicy", ("spec", "ingres"), []),
        ("rayjob:RayJob", ("spec", "backoffLimit"), "10"),
        ("rayjob:RayJob", ("spec", "shutdownAfterJobFinishes"), False),
    ],
)
def test_a_wrong_field_is_refused(name: str, path: tuple[str, ...], value: Any) -> None:
    broken = copy.deepcopy(OBJECTS[name])
    target = broken
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        validate(broken)


@pytest.mark.parametrize("name", CLUSTERS)
def test_ray_is_of_the_pinned_version(name: str) -> None:
    assert cluster(name)["rayVersion"] == pins("constraints.txt")["ray"]


@pytest.mark.parametrize("name", CLUSTERS)
def test_heads_train_nothing_and_workers_ask_for_what_they_may_use(name: str) -> None:
    spec = cluster(name)
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for group in spec["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        (container,) = group["template"]["spec"]["containers"]
        assert container["resources"]["requests"] == container["resources"]["limits"]


def test_the_group_with_gpus_has_their_image() -> None:
    (group,) = [g for g in cluster("raycluster:RayCluster")["workerGroupSpecs"] if g["groupName"] == "gpu"]
    (container,) = group["template"]["spec"]["containers"]
    assert container["image"].endswith("-gpu")
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1


@pytest.mark.parametrize("name", [*CLUSTERS, "serve:Deployment"])
def test_what_is_mounted_is_a_volume(name: str) -> None:
    groups = [OBJECTS[name]["spec"]]
    if name in CLUSTERS:
        groups = [cluster(name)["headGroupSpec"], *cluster(name)["workerGroupSpecs"]]
    for spec in (group["template"]["spec"] for group in groups):
        volumes = {volume["name"] for volume in spec.get("volumes", [])}
        assert {mount["name"] for box in spec["containers"] for mount in box.get("volumeMounts", [])} == volumes


def test_labels_and_ports_of_serve_meet() -> None:
    deployment, service, policy = (OBJECTS[f"serve:{kind}"] for kind in ("Deployment", "Service", "NetworkPolicy"))
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert service["spec"]["selector"] == labels
    assert policy["spec"]["podSelector"]["matchLabels"] == labels
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (port,) = container["ports"]
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    assert container["command"][-1] == str(port["containerPort"])
    assert container["readinessProbe"]["httpGet"] == {"path": "/health", "port": port["name"]}
