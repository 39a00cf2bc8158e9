#!/usr/bin/env bash
# Go on with the search in the folder RUN or in its copy at MIRROR; start it where neither holds one.
#
#     resume-or-search /runs/digits s3://BUCKET/nasgen/digits --task digits --evaluations 2000
#
# What follows the mirror is for `nasgen search`. A supervisor may run the command again after any death of the driver.
# Its exit code is that of nasgen: 0 done, 1 failed, 2 needs a person, 130 interrupted.
set -euo pipefail

run=$1 mirror=$2
shift 2
ray=(--executor ray --ray-address "${RAY_ADDRESS:-auto}")

# A folder that this supervisor alone writes to is never older than its mirror. Here the machine is the same, so that
# resume may ask before it goes on with other versions or another CPU.
if [ -e "$run/run.json" ]; then
    exec nasgen resume "$run" "${ray[@]}"
fi

# A driver that moves finds another CPU sooner or later, with nobody there to ask.
code=0
nasgen resume "$mirror" --out "$run" --accept-environment "${ray[@]}" || code=$?

# Exit code 2 is bad input, as a mirror that holds nothing. If it holds a run after all, search refuses it with the
# reason, and overwrites nothing.
if [ "$code" -ne 2 ]; then
    exit "$code"
fi
exec nasgen search --out "$run" --mirror "$mirror" "${ray[@]}" "$@"
