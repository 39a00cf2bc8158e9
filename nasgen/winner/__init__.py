"""The winner: trained once more on all training data, and the folder that a user takes away."""
