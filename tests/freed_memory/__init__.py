"""The harness of freed memory: does anything that is computed depend on what lay in memory before?

``rubbish`` fills the memory that the C library hands out, ``comparing`` runs a case twice with other rubbish,
``vocabularies`` lists what is run, and ``python -m freed_memory`` (in ``tests/``) prints what differs.
"""
