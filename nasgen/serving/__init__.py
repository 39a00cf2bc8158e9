"""``nasgen serve``: the predictions of a surrogate over HTTP.

``server`` binds and runs, ``bodies`` bounds what comes in, ``app`` has the endpoints, ``query`` reads what is asked,
``batching`` gathers what waits into one prediction, ``predicting`` makes it, ``schema`` and ``docs_page`` describe it.
"""
