"""The driver is killed again and again: nothing is lost, nothing runs twice, nobody is left behind.

    python benchmarks/kill_and_resume.py [--evaluations 90] [--kills 20] [--seed 0]

One search on digits, killed with SIGKILL at random moments and resumed each time, against the same search left alone.
Prints what was compared, and exits 1 on a difference or an orphan.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from same_table import nasgen, table

from nasgen import Store


def started(*arguments: str) -> subprocess.Popen[bytes]:
    """The command line, running."""
    return subprocess.Popen([sys.executable, "-m", "nasgen", *arguments], stderr=subprocess.DEVNULL)


def orphans(run: str) -> list[psutil.Process]:
    """Workers of ours that outlive their driver."""
    found = []
    for process in psutil.process_iter(["cmdline", "ppid"]):
        command = " ".join(process.info["cmdline"] or [])
        if "nasgen.executors.worker" in command and process.info["ppid"] == 1:
            found.append(process)
    return found


def recorded(run: Path) -> dict[int, float | None]:
    """Rows with a result, by number."""
    if not (run / "store.sqlite").exists():
        return {}
    with Store(run / "store.sqlite", read_only=True) as store:
        return {row.number: row.outcome.seconds for row in store.evaluations()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=90)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    moments = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        alone, killed = str(Path(folder) / "alone"), str(Path(folder) / "killed")
        search = ["search", "--task", "digits", "--evaluations", str(args.evaluations), "--out"]
        begun = time.monotonic()
        nasgen(*search, alone)
        whole = time.monotonic() - begun
        lost = repeated = left_behind = 0
        process, before = started(*search, killed), {}
        kills = 0
        while kills < args.kills:
            time.sleep(moments.uniform(0.3, 1.8 * whole / args.kills))
            if process.poll() is not None:
                break
            kills += 1
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            time.sleep(1.0)
            left_behind += len(orphans(killed))
            after = recorded(Path(killed))
            lost += sum(number not in after for number in before)
            repeated += sum(after[number] != before[number] for number in before if number in after)
            before = after
            process = started("resume", killed)
        code = process.wait()
        final = recorded(Path(killed))
        repeated += sum(final[number] != seconds for number, seconds in before.items())
        equal = table(alone) == table(killed)
    print(f"{kills} kills in a search of {args.evaluations} evaluations ({whole:.0f} s when left alone)")
    print(
        f"exit code {code}; table {'equal' if equal else 'DIFFERENT'}; recorded rows lost {lost}, run again {repeated}"
    )
    print(f"workers alive a second after their driver: {left_behind}")
    sys.exit(not (kills == args.kills and equal and code == 0 and lost == repeated == left_behind == 0))


if __name__ == "__main__":
    main()
