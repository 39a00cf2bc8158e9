"""The engine: a search from its settings to its result, in one call, and on after an interruption."""
