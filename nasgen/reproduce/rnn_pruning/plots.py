"""Plots of recurrent pruning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nasgen.reproduce.drawing import as_picture, new_figure
from nasgen.reproduce.rnn_pruning.stored import CELLS, EPOCHS, PLACES, Published
from nasgen.reproduce.tables import Picture, Row

COLOURS = {"both": "black", "i2h": "tab:blue", "h2h": "tab:orange"}
SHOWN = (80, 90, 100)


def plot_rates(rows: Sequence[Row], base: Mapping[str, float]) -> Picture:
    """Accuracy by rate of each cell and place: theirs as crosses, ours as lines (Fig. 5)."""
    figure = new_figure(11, 3.4)
    panels = figure.subplots(1, len(CELLS), sharey=True)
    for panel, (cell, called) in zip(panels, CELLS.items(), strict=True):
        panel.axhline(base[cell], color="grey", lw=1, ls=":")
        for place in PLACES:
            of_place = [row for row in rows if (row.more["cell"], row.more["place"]) == (cell, place)]
            rates = [row.more["rate"] for row in of_place]
            panel.plot(rates, [row.ours for row in of_place], color=COLOURS[place], label=f"{place}, ours")
            panel.plot(rates, [row.paper for row in of_place], "x", color=COLOURS[place], label=f"{place}, theirs")
        panel.set_title(called)
        panel.set_xlabel("weights pruned, %")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("test accuracy")
    panels[0].legend(fontsize="x-small")
    return as_picture(figure, "Test accuracy right after pruning; dotted: the dense network.")


def plot_retraining(published: Published) -> Picture:
    """The authors' accuracies over epochs of retraining, at the rates that hurt."""
    figure = new_figure(11, 3.4)
    panels = figure.subplots(1, len(CELLS), sharey=True)
    for panel, (cell, called) in zip(panels, CELLS.items(), strict=True):
        for place in PLACES:
            for rate, style in zip(SHOWN, (":", "--", "-"), strict=True):
                curve = published.pruned[cell, place, rate]
                panel.plot(range(EPOCHS + 1), curve, style, color=COLOURS[place], label=f"{place} {rate} %")
        panel.set_title(called)
        panel.set_xlabel("epochs after pruning")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("test accuracy")
    panels[-1].legend(fontsize="x-small")
    return as_picture(figure, "Their accuracies over epochs of retraining, at 80, 90 and 100 %.")
