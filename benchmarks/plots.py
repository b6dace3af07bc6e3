"""Measured values, drawn."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from benchmarks.side_by_side import CAPACITY_CONNECTIONS, OURS, Measurement, Results, at
from benchmarks.stats import Spread

PLAIN_NUMBERS = StrMethodFormatter("{x:g}")
OUR_COLOR, THEIR_COLOR = "#1b7f5f", "#9aa5b1"


def draw_contest(results: Results, title: str, path: Path) -> None:
    """Draw throughput and latency of all contestants as bars, from the lowest to the highest."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    throughput, latency = figure.subplots(1, 2)
    _bars(throughput, results, at(CAPACITY_CONNECTIONS), "requests_per_s", "requests per second")
    _bars(latency, results, at(1), "p50_ms", "median latency in ms")
    figure.suptitle(title, fontsize=9)
    figure.savefig(path, dpi=120)


def draw_growth(
    by_length: Mapping[int, Spread], by_batch: Mapping[int, Spread], title: str, path: Path
) -> None:
    """Draw texts per second by their length, and by how many come together."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    lengths, batches = figure.subplots(1, 2)
    _curve(lengths, by_length, "texts per second by length", "tokens a text")
    lengths.set_yscale("log", base=2)
    lengths.yaxis.set_major_formatter(PLAIN_NUMBERS)
    _curve(batches, by_batch, "texts per second by batch", "texts that come together")
    batches.set_ylim(bottom=0)
    figure.suptitle(title, fontsize=9)
    figure.savefig(path, dpi=120)


def _curve(axes: Axes, spreads: Mapping[int, Spread], title: str, sizes: str) -> None:
    medians = [spread.median for spread in spreads.values()]
    lowest = [spread.lowest for spread in spreads.values()]
    highest = [spread.highest for spread in spreads.values()]
    axes.plot(list(spreads), medians, marker="o", color=OUR_COLOR)
    axes.fill_between(list(spreads), lowest, highest, color=OUR_COLOR, alpha=0.2, linewidth=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(spreads))
    axes.xaxis.set_major_formatter(PLAIN_NUMBERS)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(sizes)
    axes.spines[["top", "right"]].set_visible(False)


def _bars(axes: Axes, results: Results, load: str, figure: str, title: str) -> None:
    names = [name for name in results.contestants() if _values(results.of(name, load), figure)]
    spreads = [Spread.of(_values(results.of(name, load), figure)) for name in names]
    medians = [spread.median for spread in spreads]
    errors = [
        [spread.median - spread.lowest for spread in spreads],
        [spread.highest - spread.median for spread in spreads],
    ]
    colors = [OUR_COLOR if name == OURS else THEIR_COLOR for name in names]
    bars = axes.barh(names, medians, xerr=errors, color=colors, ecolor="#444444", capsize=3)
    axes.bar_label(bars, fmt="%.1f", padding=8)
    axes.set_title(f"{title}, {load}", fontsize=10)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)


def _values(made: list[Measurement], figure: str) -> list[float]:
    return [value for each in made if (value := getattr(each, figure)) is not None]
