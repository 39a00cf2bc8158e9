"""Compression: the network that a search exported, pruned and trained on, as small as its user wants it.

``source`` finds the network, its data and its recipe, ``options`` say how it is pruned, ``points`` brings it to one
rate after another, ``latency`` measures what smaller networks save, ``rows`` says what each rate came to over its
seeds, and ``curve`` puts it together: accuracy by density.
"""
