"""Storage: where a run lies, what it is bound to, and how it outlives the machine."""
