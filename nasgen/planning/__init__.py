"""Planning: from what a user said to a space, a budget, a strategy and workers, with nothing left open."""
