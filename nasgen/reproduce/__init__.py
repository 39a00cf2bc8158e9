"""The tables of the source papers, theirs beside ours."""

from __future__ import annotations

from nasgen.reproduce.report import REPORTS, Report, make_report

__all__ = ["REPORTS", "Report", "make_report"]
