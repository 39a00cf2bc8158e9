"""Executors: where evaluations run, all behind one small interface.

``base`` is the interface, ``inline`` evaluates in this process, ``processes`` in workers on this machine.
"""

from nasgen.errors import ExecutorError
from nasgen.executors.base import Event, Executor, Finished, Job, Lost, Started, Token
from nasgen.executors.inline import InlineExecutor
from nasgen.executors.processes import ProcessExecutor

__all__ = [
    "Event",
    "Executor",
    "ExecutorError",
    "Finished",
    "InlineExecutor",
    "Job",
    "Lost",
    "ProcessExecutor",
    "Started",
    "Token",
]
