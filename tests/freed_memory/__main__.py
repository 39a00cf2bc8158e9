"""Which operations depend on what lay in freed memory, by vocabulary.

    PYTHONPATH=.:tests python -m freed_memory [VOCABULARY ...] [--all] [--precision bfloat16] [--threads 1] [--json]

Without ``--all`` a sample of a minute. Exits 1 if anything differs, 3 with the reason where nothing can be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import zlib

import numpy as np

from freed_memory.rubbish import ENVIRONMENT, why_not

CANNOT = 3
"""Exit code where this machine can compare nothing."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vocabularies", nargs="*", metavar="VOCABULARY")
    parser.add_argument("--all", action="store_true", help="an hour's work instead of a sample")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one object: {vocabulary: {case: [parts]}}")
    arguments = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.environ.update(ENVIRONMENT)
        os.execv(sys.executable, [sys.executable, "-m", "freed_memory", *sys.argv[1:]])
    if reason := why_not() or _cannot(arguments.precision):
        print(reason)
        sys.exit(CANNOT)
    from nasgen.training import numerics

    numerics.prepare(arguments.threads)
    from freed_memory.comparing import Setting, differing
    from freed_memory.vocabularies import VOCABULARIES

    settings = [Setting(arguments.precision == "bfloat16", last) for last in (True, False)]
    report: dict[str, dict[str, list[str]]] = {}
    for name in arguments.vocabularies or [name for name in VOCABULARIES if not name.startswith("broken")]:
        vocabulary = VOCABULARIES[name]
        if vocabulary.float32_alone and arguments.precision != "float32":
            continue
        report[name], compared = {}, 0
        for setting in settings[: 1 if vocabulary.channels_last_alone else 2]:
            rng = np.random.default_rng(zlib.crc32(f"{name}{setting}".encode()))
            for case in vocabulary.cases(rng, vocabulary.all if arguments.all else vocabulary.sample, setting):
                compared += 1
                if parts := differing(case):
                    report[name][case.name] = parts
        assert compared, f"nothing of {name} was compared"
        if not arguments.json:
            print(f"{name}: {compared} compared, {len(report[name])} differ", flush=True)
            for case_name, parts in report[name].items():
                print(f"    {case_name}: {', '.join(parts)}")
    if arguments.json:
        print(json.dumps(report))
    sys.exit(any(report.values()))


def _cannot(precision: str) -> str:
    from nasgen.training.numerics import layout_and_dtype

    if precision == "bfloat16" and layout_and_dtype("cpu")[1] is None:
        return "this processor has no instructions for bfloat16"
    return ""


if __name__ == "__main__":
    main()
