"""The driver is killed again and again: nothing is lost, nothing runs twice, nobody is left behind.

    python benchmarks/kill_and_resume.py [--evaluations 90] [--kills 20] [--seed 5] [--moments 0]

One search on digits, killed with SIGKILL at random moments and resumed each time, against the same search left alone.
A moment is a random number of recorded rows and then a random wait, so that all kills meet the search at work; each
process has another rubbish in its memory. Prints what was compared, and exits 1 on a difference, an orphan, fewer kills
than asked for, or where no structure has a convolution that is cut to the map (docs/decisions/0024).
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
from rubbish import environment
from same_table import MANY, cut, nasgen, table

from nasgen import Store


def started(*arguments: str, rubbish: int) -> subprocess.Popen[bytes]:
    """The command line, running, with one rubbish or another in memory."""
    command = [sys.executable, "-m", "nasgen", *arguments]
    return subprocess.Popen(command, env=environment(rubbish), stderr=subprocess.DEVNULL)


def killed_family(process: subprocess.Popen[bytes]) -> int:
    """Kill a driver; the number of its descendants that run a second later (what awaits reaping is dead)."""
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, left = psutil.wait_procs(family, timeout=1.0)
    return sum(map(is_alive, left))


def is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):  # it may end in between
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def recorded(run: Path) -> dict[int, float]:
    """The seconds of every row with a result, by number: another number would be another training."""
    if not (run / "store.sqlite").exists():
        return {}
    with Store(run / "store.sqlite", read_only=True) as store:
        return {row.number: row.outcome.seconds for row in store.evaluations()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=90)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=5, help="of the search")
    parser.add_argument("--moments", type=int, default=0, help="their seed")
    args = parser.parse_args()
    moments = random.Random(args.moments)
    with tempfile.TemporaryDirectory() as folder:
        alone, killed = Path(folder) / "alone", Path(folder) / "killed"
        budget = ("--evaluations", str(args.evaluations), "--seed", str(args.seed))
        search = ["search", "--task", "digits", *budget, "--out"]
        begun = time.monotonic()
        nasgen(*search, str(alone))
        whole = time.monotonic() - begun
        kills = lost = repeated = left_behind = 0
        process, before = started(*search, str(killed), rubbish=1), {}
        for rows in sorted(moments.choices(range(args.evaluations), k=args.kills)):
            while process.poll() is None and len(recorded(killed)) < rows:
                time.sleep(0.1)
            time.sleep(moments.uniform(0.0, 2.0 * whole / args.evaluations))
            if process.poll() is not None:
                break
            left_behind += killed_family(process)
            kills += 1
            after = recorded(killed)
            lost += sum(number not in after for number in before)
            repeated += sum(after[number] != before[number] for number in before if number in after)
            before = after
            again = ("resume", str(killed)) if (killed / "run.json").exists() else (*search, str(killed))
            process = started(*again, rubbish=kills + 1)
        code = process.wait()
        final = recorded(killed)
        repeated += sum(final[number] != seconds for number, seconds in before.items())
        rows_alone = table(str(alone))
        equal = rows_alone == table(str(killed))
    some, many = cut(row["genotype"] for row in rows_alone)
    print(f"{kills} kills in a search of {args.evaluations} evaluations ({whole:.0f} s when left alone)")
    print(f"{some} have a convolution that is cut to the map, {many} one that reads {MANY} channels or more")
    print(
        f"exit code {code}; table {'equal' if equal else 'DIFFERENT'}; recorded rows lost {lost}, run again {repeated}"
    )
    print(f"workers alive a second after their driver: {left_behind}")
    sys.exit(not (kills == args.kills and equal and code == 0 and lost == repeated == left_behind == 0 and many))


if __name__ == "__main__":
    main()
