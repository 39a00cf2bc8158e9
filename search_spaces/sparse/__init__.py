"""Sparse networks and their graphs (Stier, Granitzer 2022, "deepstruct").

``linear`` is a layer without the weights that its mask leaves out, ``skip_layers`` a network of any DAG; ``graphs``
are those of masks, on three levels, and ``measures`` say how many weights are left.
"""
