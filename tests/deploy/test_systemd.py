"""The systemd units: what they start, and that whatever dies is started again and leaves nothing behind."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest
from command_lines import DEPLOY

UNITS = {path.name: path for path in sorted((DEPLOY / "systemd").glob("*.service"))}
RAY = ["nasgen-ray-head.service", "nasgen-ray-worker.service"]


def parsed(name: str) -> configparser.RawConfigParser:
    """The unit; of a key that is given several times the last one."""
    unit = configparser.RawConfigParser(strict=False, interpolation=None, delimiters=["="], comment_prefixes=["#", ";"])
    # keys keep their case; assigning the method is the documented way
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(UNITS[name].read_text("utf-8"))
    return unit


def test_the_units_are_there() -> None:
    assert set(UNITS) == {*RAY, "nasgen-search@.service", "nasgen-serve@.service"}


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_runs_as_a_user_and_starts_again(name: str) -> None:
    unit = parsed(name)
    assert unit.sections() == ["Unit", "Service", "Install"]
    service = unit["Service"]
    assert service["User"] == "nasgen"
    assert service["Restart"] == ("always" if name in RAY else "on-failure")
    assert int(service["RestartSec"]) > 0
    assert int(service["LimitNOFILE"]) >= 65536
    assert service["KillMode"] in {"mixed", "control-group"}
    assert unit["Install"]["WantedBy"] == "multi-user.target"


@pytest.mark.parametrize("name", RAY)
def test_ray_stays_in_the_foreground_and_has_time_to_drain(name: str) -> None:
    service = parsed(name)["Service"]
    environment = (DEPLOY / "systemd" / "ray.env").read_text("utf-8")
    assert service["ExecStart"].endswith(" --block")
    assert service["EnvironmentFile"] == "/etc/nasgen/ray.env"
    (drain,) = [line for line in environment.splitlines() if line.startswith("RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S=")]
    assert int(service["TimeoutStopSec"]) > int(drain.split("=")[1])


@pytest.mark.parametrize("name", sorted(set(UNITS) - set(RAY)))
def test_bad_input_and_interrupts_do_not_start_again(name: str) -> None:
    service = parsed(name)["Service"]
    assert service["RestartPreventExitStatus"] == "2"
    assert service["SuccessExitStatus"] == "130"


def test_serve_answers_on_loopback_alone() -> None:
    assert " --host 127.0.0.1 " in parsed("nasgen-serve@.service")["Service"]["ExecStart"]


def complaints(folder: Path, text: str, name: str) -> list[str]:
    """What systemd says about a unit whose programs are there; nothing if it is well."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    for program in ("ray", "nasgen", "resume-or-search"):
        shutil.copy("/bin/true", programs / program)
    unit = folder / name.replace("@", "@digits")
    unit.write_text(text.replace("/opt/nasgen/bin", str(programs)))
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    return [line for line in said.stderr.splitlines() if unit.name in line]


needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@needs_systemd
@pytest.mark.parametrize("name", UNITS)
def test_systemd_reads_the_unit(name: str, tmp_path: Path) -> None:
    assert complaints(tmp_path, UNITS[name].read_text("utf-8"), name) == []


@needs_systemd
@pytest.mark.parametrize(("right", "wrong"), [("KillMode=", "KilMode="), ("Restart=always", "Restart=allways")])
def test_systemd_sees_a_broken_unit(right: str, wrong: str, tmp_path: Path) -> None:
    text = UNITS["nasgen-ray-head.service"].read_text("utf-8")
    assert complaints(tmp_path, text.replace(right, wrong), "nasgen-ray-head.service")
