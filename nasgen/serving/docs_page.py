"""The page at /docs: one text that needs nothing else, so that it works without the internet."""

from __future__ import annotations

import json
import shlex
from html import escape

from nasgen.serving.predicting import MOST_CHARACTERS
from nasgen.serving.query import most_explained
from nasgen.serving.schema import REFUSALS

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>nasgen serve</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }}
pre {{ background: #8881; padding: .75rem; overflow-x: auto; }}
th, td {{ text-align: left; padding-right: 1.5rem; vertical-align: top; }}
:root {{ color-scheme: light dark; }}
</style>
</head>
<body>
<h1>nasgen serve</h1>
<p>The fitness of neural network structures, as a surrogate predicts it: {served}.</p>

<h2>POST /predict</h2>
<p>One genotype, a text:</p>
<pre>curl -s {address}/predict -d {one}</pre>
<p>answers <code>{{"genotype": ..., "fitness": ..., "std": ...}}</code>: the predicted fitness and its standard
deviation. A genotype of JSON goes in as a text too, with its quotation marks escaped. Several at once:</p>
<pre>curl -s {address}/predict -d {several}</pre>
<p>or the lines of a file:</p>
<pre>jq -Rn '{{genotypes: [inputs]}}' genotypes.txt | curl -s {address}/predict -d @-
python3 -c 'import json; print(json.dumps({{"genotypes": open("genotypes.txt").read().splitlines()}}))' |
    curl -s {address}/predict -d @-</pre>
<p>These answer <code>{{"answers": [...]}}</code>, one a genotype, in order; one that is malformed has an
<code>error</code> in place of its fitness, and the others are answered all the same.
With <code>"explain": true</code> each answer has <code>contributions</code> too: how far each feature moves the
prediction, the largest first.</p>

<h2>GET /health</h2>
<pre>curl -s {address}/health</pre>
<p>answers what is served. <a href="/openapi.json">/openapi.json</a> describes all of it for machines.</p>

<h2>Limits</h2>
<ul>
<li>A body has at most {max_body:,} bytes, and comes within half a minute.</li>
<li>A request lists at most {max_batch:,} genotypes, or {most_explained:,} to explain.</li>
<li>A genotype has at most {most_characters:,} characters.</li>
<li>The last digits of an answer hang on what else is asked at the time: a product of matrices rounds by its size.</li>
<li>Nothing asks who you are: put a proxy before it where others can reach it.</li>
</ul>

<h2>What else may come back</h2>
<p>Always as <code>{{"error": "one line"}}</code>.</p>
<table>
{refusals}
</table>
</body>
</html>
"""


def docs_page(served: str, address: str, example: str, max_body: int, max_batch: int) -> str:
    """The page.

    Parameters
    ----------
    served
        What is served, in a few words.
    address
        Where: ``http://127.0.0.1:8000``.
    example
        A genotype.
    """
    one, several = (shlex.quote(json.dumps(query)) for query in ({"genotype": example}, {"genotypes": [example, "?"]}))
    rows = "\n".join(f"<tr><th>{status}</th><td>{escape(text)}</td></tr>" for status, text in REFUSALS.items())
    return PAGE.format(
        served=escape(served),
        address=escape(address),
        one=escape(one),
        several=escape(several),
        max_body=max_body,
        max_batch=max_batch,
        most_explained=most_explained(max_batch),
        most_characters=MOST_CHARACTERS,
        refusals=rows,
    )
