"""Compression: the network that a search exported, pruned and trained on, as small as its user wants it.

``source`` finds the network, its data and its recipe, ``points`` prunes it to one rate after another, ``latency``
measures what smaller networks save, and ``curve`` puts it together: accuracy by density.
"""
