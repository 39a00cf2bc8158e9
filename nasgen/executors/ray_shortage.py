"""What is said where a cluster gives no slot at all: what is missing, or that nobody has come back."""

from __future__ import annotations

import time

from nasgen.errors import ExecutorError, InputError
from nasgen.executors.ray_cluster import Cluster, Share

STARVING_SECONDS = 6.0
"""How long the first slot is waited for while others hold what it needs."""

RETURN_SECONDS = 600.0
"""How long the executor waits for slots to come back where the last one has left."""


class Shortage:
    """The time without a slot, and when it has been too long.

    Parameters
    ----------
    cluster
        The connection.
    share
        What a slot asks of its node.
    patience
        Seconds within which the first slot must stand where there is room for it.
    """

    def __init__(self, cluster: Cluster, share: Share, patience: float) -> None:
        self._cluster, self._share, self._patience = cluster, share, patience
        self._worked = False
        self._since = time.monotonic()

    def over(self) -> None:
        """Note that there is a slot."""
        self._worked = True
        self._since = time.monotonic()

    def check(self) -> None:
        """Give up where nothing is to be hoped for.

        Raises
        ------
        ExecutorError
            Saying what is missing.
        """
        barren = time.monotonic() - self._since
        if self._worked:
            if barren > RETURN_SECONDS:
                raise ExecutorError(f"no slot has come back in {RETURN_SECONDS:.0f} seconds; the run can be resumed")
            return
        if barren < STARVING_SECONDS:
            return
        try:
            self._cluster.check(self._share)
        except InputError as error:
            raise ExecutorError(str(error)) from error
        shortage = self._cluster.shortage(self._share)
        if shortage is not None:
            raise ExecutorError(shortage)
        if barren > self._patience:
            raise ExecutorError(f"no actor stands after {barren:.0f} seconds, although the cluster has room for one")
