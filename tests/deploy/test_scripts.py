"""The shell scripts: resume-or-search against a nasgen that only notes what it is told, and the SLURM script."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_lines import DEPLOY
from test_command_lines import NASGEN, check

SCRIPT = DEPLOY / "resume-or-search.sh"
SLURM = (DEPLOY / "slurm" / "search.sbatch").read_text("utf-8")
SCRIPTS = [SCRIPT, DEPLOY / "slurm" / "search.sbatch"]

NOTES = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$NOTES"
case $1 in resume) exit "$RESUME" ;; search) exit "$SEARCH" ;; esac
"""

Told = Callable[[int, int], tuple[int, list[list[str]]]]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Run the script with exit codes for resume and search: its own exit code, and the words of each nasgen."""
    stub = tmp_path / "bin" / "nasgen"
    stub.parent.mkdir()
    stub.write_text(NOTES)
    stub.chmod(0o755)
    notes = tmp_path / "notes"

    def run(resume: int, search: int) -> tuple[int, list[list[str]]]:
        environment = {
            "PATH": f"{stub.parent}{os.pathsep}{os.environ['PATH']}",
            "NOTES": str(notes),
            "RESUME": str(resume),
            "SEARCH": str(search),
        }
        words = [str(SCRIPT), str(tmp_path / "run"), "s3://BUCKET/run", "--evaluations", "50"]
        code = subprocess.run(["bash", *words], env=environment, check=False).returncode
        return code, [line.split() for line in notes.read_text().splitlines()]

    return run


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_bash_reads_the_script(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert os.access(SCRIPT, os.X_OK)
    assert "set -euo pipefail" in script.read_text("utf-8")


def test_nothing_to_resume_starts_the_search(told: Told) -> None:
    code, (resume, search) = told(2, 0)
    assert code == 0
    assert resume[:4] == ["resume", "s3://BUCKET/run", "--out", search[2]]
    assert search[:2] + search[3:5] == ["search", "--out", "--mirror", "s3://BUCKET/run"]
    assert search[-2:] == ["--evaluations", "50"]
    for words in (resume, search):
        assert " ".join(words).count("--executor ray --ray-address auto") == 1
        check(NASGEN, tuple(words), mentioned=False)


@pytest.mark.parametrize("code", [0, 1, 130])
def test_the_end_of_a_resumed_search_is_the_end(told: Told, code: int) -> None:
    assert told(code, 99)[0] == code
    assert [words[0] for words in told(code, 99)[1]] == ["resume", "resume"]


@pytest.mark.parametrize("code", [1, 2, 130])
def test_the_exit_code_is_that_of_the_search(told: Told, code: int) -> None:
    assert told(2, code)[0] == code


def test_the_folder_comes_before_the_mirror(told: Told, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    code, (words,) = told(2, 0)
    assert code == 2
    assert words == ["resume", str(tmp_path / "run"), "--executor", "ray", "--ray-address", "auto"]
    check(NASGEN, tuple(words), mentioned=False)


def test_directives_of_slurm() -> None:
    header, _ = SLURM.split("set -euo pipefail")
    directives = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", header, flags=re.M))
    assert len(directives) == len(re.findall(r"^#SBATCH", SLURM, flags=re.M))
    assert directives.keys() >= {"requeue", "no-kill", "exclusive", "nodes", "time", "cpus-per-task"}
    assert directives["ntasks-per-node"] == "1"
    assert directives["open-mode"] == "append"
    assert directives["signal"].startswith("B:USR1@")
    assert "USR1" in re.findall(r"^trap '.*requeue.*' (\w+)$", SLURM, flags=re.M)


@dataclass
class Allocation:
    """A node of SLURM whose srun ends as told, and whose scontrol only notes what it is told."""

    folder: Path
    code: int = 0
    seconds: float = 0
    restarts: int = 0

    def start(self) -> subprocess.Popen[bytes]:
        programs = self.folder / "bin"
        programs.mkdir()
        stubs = {
            "srun": f'echo "$@" > srun.words; env > srun.env; sleep {self.seconds}; exit {self.code}',
            "scontrol": 'echo "$@" >> scontrol.words',
            "hostname": "echo 192.0.2.10 198.51.100.10",
        }
        for name, line in stubs.items():
            (programs / name).write_text(f"#!/usr/bin/env bash\n{line}\n")
            (programs / name).chmod(0o755)
        (programs / "activate").write_text("")
        environment = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "NASGEN_VENV": str(self.folder),
            "TMPDIR": str(self.folder),
            "SLURM_JOB_ID": "7",
            "SLURM_CPUS_PER_TASK": "16",
            "SLURM_RESTART_COUNT": str(self.restarts),
        }
        words = ["bash", str(SCRIPTS[1]), "/shared/runs/digits", "--evaluations", "50"]
        return subprocess.Popen(words, env=environment, cwd=self.folder)

    def requeued(self) -> bool:
        notes = self.folder / "scontrol.words"
        return notes.exists() and notes.read_text() == "requeue 7\n"


def test_slurm_starts_ray_on_every_node_with_a_token_of_the_job(tmp_path: Path) -> None:
    assert Allocation(tmp_path).start().wait() == 0
    words = (tmp_path / "srun.words").read_text().split()
    assert words[words.index("symmetric-run") :][:4] == [
        "symmetric-run",
        "--address=192.0.2.10:6379",
        "--num-cpus=16",
        "--",
    ]
    script, run, mirror, *options = words[words.index("--") + 1 :]
    assert (script, mirror, options) == ("resume-or-search", "file:///shared/runs/digits", ["--evaluations", "50"])
    assert run.startswith(str(tmp_path))
    environment = (tmp_path / "srun.env").read_text()
    assert re.search(r"^RAY_AUTH_TOKEN=[0-9a-f]{64}$", environment, flags=re.M)
    assert "RAY_AUTH_MODE=token\n" in environment
    assert not list(tmp_path.glob("nasgen-7-*")), "the scratch folder is left behind"


@pytest.mark.parametrize(
    ("code", "restarts", "again"), [(0, 0, False), (1, 0, True), (2, 0, False), (137, 3, True), (1, 20, False)]
)
def test_slurm_tries_again_what_may_do_better(code: int, restarts: int, again: bool, tmp_path: Path) -> None:
    allocation = Allocation(tmp_path, code=code, restarts=restarts)
    assert allocation.start().wait() == code
    assert allocation.requeued() == again


def test_slurm_requeues_before_its_time_is_up(tmp_path: Path) -> None:
    allocation = Allocation(tmp_path, seconds=1)
    job = allocation.start()
    while not (tmp_path / "srun.env").exists():
        time.sleep(0.01)
    job.send_signal(signal.SIGUSR1)
    job.wait()
    assert allocation.requeued()
