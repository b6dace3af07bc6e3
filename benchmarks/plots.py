"""Plots of the results."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from benchmarks.stats import Spread
from benchmarks.systems import (
    CAPACITY_CONNECTIONS,
    SERVICE,
    Measurement,
    Results,
    connections_load,
)

NUMBERS = StrMethodFormatter("{x:g}")
SERVICE_COLOR, OTHER_COLOR = "#1b7f5f", "#9aa5b1"


def plot_serving(results: Results, title: str, path: Path) -> None:
    """Draw throughput and latency of all systems as bars, with lowest and highest values."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    throughput, latency = figure.subplots(1, 2)
    load = connections_load(CAPACITY_CONNECTIONS)
    _bars(throughput, results, load, "requests_per_s", "requests per second")
    _bars(latency, results, connections_load(1), "p50_ms", "median latency in ms")
    figure.suptitle(title, fontsize=9)
    figure.savefig(path, dpi=120)


def plot_scaling(
    by_length: Mapping[int, Spread], by_batch: Mapping[int, Spread], title: str, path: Path
) -> None:
    """Draw texts per second by text length and by batch size."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    lengths, batches = figure.subplots(1, 2)
    _curve(lengths, by_length, "texts per second by length", "tokens per text")
    lengths.set_yscale("log", base=2)
    lengths.yaxis.set_major_formatter(NUMBERS)
    _curve(batches, by_batch, "texts per second by batch size", "texts per batch")
    batches.set_ylim(bottom=0)
    figure.suptitle(title, fontsize=9)
    figure.savefig(path, dpi=120)


def _curve(axes: Axes, spreads: Mapping[int, Spread], title: str, x_label: str) -> None:
    sizes = list(spreads)
    lowest = [spread.lowest for spread in spreads.values()]
    highest = [spread.highest for spread in spreads.values()]
    medians = [spread.median for spread in spreads.values()]
    axes.plot(sizes, medians, marker="o", color=SERVICE_COLOR)
    axes.fill_between(sizes, lowest, highest, color=SERVICE_COLOR, alpha=0.2, linewidth=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes)
    axes.xaxis.set_major_formatter(NUMBERS)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x_label)
    axes.spines[["top", "right"]].set_visible(False)


def _bars(axes: Axes, results: Results, load: str, metric: str, title: str) -> None:
    values = {name: _values(results.of(name, load), metric) for name in results.systems()}
    spreads = {name: Spread.of(each) for name, each in values.items() if each}
    errors = [
        [spread.median - spread.lowest for spread in spreads.values()],
        [spread.highest - spread.median for spread in spreads.values()],
    ]
    bars = axes.barh(
        list(spreads),
        [spread.median for spread in spreads.values()],
        xerr=errors,
        color=[SERVICE_COLOR if name == SERVICE else OTHER_COLOR for name in spreads],
        ecolor="#444444",
        capsize=3,
    )
    axes.bar_label(bars, fmt="%.1f", padding=8)
    axes.set_title(f"{title}, {load}", fontsize=10)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)


def _values(made: list[Measurement], metric: str) -> list[float]:
    return [value for each in made if (value := getattr(each, metric)) is not None]
