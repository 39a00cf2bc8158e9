"""Data to search on: named, checked, split by seed, and hashed."""

from nasgen.tasks.sources import get_task, save_task
from nasgen.tasks.task import Normalisation, Task

__all__ = ["Normalisation", "Task", "get_task", "save_task"]
