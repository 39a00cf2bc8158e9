"""Strategies: what decides which structures are worth training."""
