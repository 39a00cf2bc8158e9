"""Training: how a candidate comes to its fitness."""
