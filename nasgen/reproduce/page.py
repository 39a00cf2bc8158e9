"""A report as one HTML page that needs no other file, and as the JSON beside it."""

from __future__ import annotations

import base64
import json
import math
import re
from pathlib import Path

from nasgen.reproduce.report import Report
from nasgen.reproduce.tables import Row
from nasgen.storage.disks import check_folder

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ report.name }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222; }
h1 { font-size: 1.4em; } h2 { font-size: 1.1em; margin-top: 2.2em; }
table { border-collapse: collapse; } td, th { padding: .15em .8em; text-align: right; border-bottom: 1px solid #ddd; }
td:first-child, th:first-child { text-align: left; } td.no { background: #fbd5d5; font-weight: bold; }
td.yes { color: #17692b; } img { max-width: 100%; } .note, figcaption { color: #555; max-width: 50em; }
figure { margin: 1em 0; }
</style>
</head>
<body>
<h1>{{ report.title }}</h1>
<p>Made by <code>nasgen reproduce {{ report.name }}{{ " --full" if report.full }}</code>.
{% if report.failed %}{{ report.failed | length }} of {{ held }} figures that are held to something do not hold.
{% else %}All {{ held }} figures that are held to something hold.{% endif %}</p>
{% for table in report.tables %}
<h2>{{ table.title }}</h2>
{% if table.note %}<p class="note">{{ table.note }}</p>{% endif %}
{% if table.picture %}<figure><img alt="{{ table.picture.caption }}" src="data:image/png;base64,{{
table.picture.png | base64 }}"><figcaption>{{ table.picture.caption }}</figcaption></figure>{% endif %}
<table>
<tr><th></th><th>paper</th><th>ours</th><th>interval</th><th>holds</th></tr>
{% for row in table.rows %}<tr><td>{{ row.item }}</td><td>{{ row.paper | figure }}</td><td>{{ row.ours | figure }}</td>
<td>{{ row | interval }}</td><td class="{{ row.holds | verdict }}">{{ row.holds | verdict }}</td></tr>
{% endfor %}</table>
{% endfor %}
</body>
</html>
"""


def figure(value: float | None) -> str:
    """A figure as a person reads it: whole numbers, three decimals, or powers of ten where these would say nothing."""
    if value is None or not math.isfinite(value):
        return ""
    if value == int(value):
        return str(int(value))
    return f"{value:.3f}" if abs(value) >= 0.001 else f"{value:.1e}"


def verdict(holds: bool | None) -> str:
    """Whether a row holds, in words; nothing where nothing is asked."""
    return {True: "yes", False: "no", None: ""}[holds]


def interval(row: Row) -> str:
    """The interval of a row's figure; empty where it has none."""
    if row.low is None or row.high is None or not math.isfinite(row.low):
        return ""
    return f"{row.low:.3f} to {row.high:.3f}"


def write_report(report: Report, folder: Path) -> None:
    """Write ``index.html``, ``tables.json`` and the pictures into a folder, made if need be.

    Raises
    ------
    InputError
        If there is a file in place of the folder.
    """
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(as_html(report), encoding="utf-8")
    (folder / "tables.json").write_text(json.dumps(report.to_json(), indent=1) + "\n", encoding="utf-8")
    for table in report.tables:
        if table.picture is not None:
            (folder / f"{file_name(table.title)}.png").write_bytes(table.picture.png)


def file_name(title: str) -> str:
    """A title in lower case, with hyphens between its words."""
    return "-".join(re.findall(r"[a-z0-9]+", title.lower()))


def as_html(report: Report) -> str:
    """The page."""
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True)
    environment.filters |= {
        "figure": figure,
        "verdict": verdict,
        "interval": interval,
        "base64": lambda png: base64.b64encode(png).decode(),
    }
    held = sum(row.holds is not None for table in report.tables for row in table.rows)
    return environment.from_string(TEMPLATE).render(report=report, held=held) + "\n"


def text_lines(report: Report) -> list[str]:
    """The tables as lines of text for a terminal."""
    width = max((len(row.item) for table in report.tables for row in table.rows), default=0)
    heads = f"{'':{width}}  {'paper':>8}  {'ours':>8}  {'interval':>16}  holds"
    lines = []
    for table in report.tables:
        lines += [table.title, heads]
        for row in table.rows:
            figures = f"{figure(row.paper):>8}  {figure(row.ours):>8}  {interval(row):>16}  {verdict(row.holds)}"
            lines.append(f"{row.item:{width}}  {figures}".rstrip())
        lines.append("")
    return lines
