"""Plots of a training run, without a display."""

import textwrap
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binomtest
from sklearn.metrics import ConfusionMatrixDisplay

from training.evaluation.metrics import Bin, Calibration, Metrics
from training.files import write_bytes
from training.promotion.champion_record import ChampionRecord, Promotion
from training.reporting.report import RunReport

CONFUSION_MATRIX = "confusion_matrix.png"
RELIABILITY = "reliability.png"
PROMOTIONS = "promotions.png"

DPI = 150
TITLE_WIDTH = 48
"""Characters of a title that fit on a line."""

MAX_NAMES = 20
"""Promotions whose names fit below their history."""

BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
"""A palette for color-blind readers (Okabe and Ito 2008), and a neutral color."""

MARKS = {"trained": ("o", BLUE), "base": ("s", VERMILION), "rollback": ("v", GREEN)}
"""Marker and color by the origin of a promotion."""

OTHER_MARK = ("D", GREY)

DARK = 0.71
"""Share from which white text is more legible on a cell than black."""


def plot_candidate(report: RunReport, folder: Path) -> None:
    """Write the candidate's confusion matrix and reliability diagram as PNG."""
    predictions = report.candidate.evaluation
    matrix = confusion_matrix(predictions.metrics, "Confusion matrix")
    diagram = reliability_diagram(predictions.calibration, "Reliability")
    save(matrix, folder / CONFUSION_MATRIX)
    save(diagram, folder / RELIABILITY)


def plot_promotions(best: ChampionRecord | None, folder: Path) -> None:
    """Write the history of champions as PNG, if there is one."""
    if best is not None and best.history:
        save(promotion_history(best.history), folder / PROMOTIONS)


def confusion_matrix(metrics: Metrics, title: str) -> Figure:
    """Plot the number of rows of each true and predicted class, and its share of the true class."""
    figure = Figure(figsize=(5.4, 5.2), layout="constrained")
    axes = figure.add_subplot()
    counts = np.array(metrics.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [one.name for one in metrics.classes]
    ConfusionMatrixDisplay(shares, display_labels=names).plot(
        ax=axes,
        cmap="Blues",
        colorbar=False,
        include_values=False,  # black or white text is more legible, and has counts and shares
        im_kw={"vmin": 0, "vmax": 1},
    )
    for (row, column), share in np.ndenumerate(shares):
        _write_cell(axes, (column, row), int(counts[row, column]), share)
    axes.set_yticks(range(len(names)), names, rotation=90, va="center")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted class", labelpad=10)
    axes.set_ylabel("true class", labelpad=10)
    subtitle = f"accuracy {metrics.accuracy:.1%} on {metrics.rows:,} rows"
    _set_title(axes, title, f"{subtitle}; shares are of the true class")
    return figure


def reliability_diagram(calibration: Calibration, title: str) -> Figure:
    """Plot accuracy against confidence for each bin, above the number of rows of each bin."""
    figure = Figure(figsize=(5.4, 5.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    _plot_accuracies(upper, calibration.bins)
    _set_title(upper, title, f"expected calibration error {calibration.error:.3f}")
    centers = [(one.lower + one.upper) / 2 for one in calibration.bins]
    counts = [one.rows for one in calibration.bins]
    bars = lower.bar(centers, counts, width=0.09, color=GREY)
    lower.bar_label(bars, [f"{count:,}" for count in counts], size=8, padding=2)
    lower.set_ylim(0, 1.3 * max(counts))
    lower.set_ylabel("rows")
    lower.set_xlabel("confidence: score of the predicted class")
    _hide_box(lower)
    return figure


def promotion_history(history: Sequence[Promotion]) -> Figure:
    """Plot the accuracy of all champions in chronological order."""
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    axes = figure.add_subplot()
    values = [one.accuracy for one in history]
    axes.step(range(len(values)), values, where="post", color=GREY, linewidth=1, zorder=1)
    for origin in dict.fromkeys(one.origin for one in history):
        places = [place for place, one in enumerate(history) if one.origin == origin]
        marker, color = MARKS.get(origin, OTHER_MARK)
        heights = [values[place] for place in places]
        axes.scatter(places, heights, s=40, marker=marker, color=color, label=origin, zorder=2)
    _name_promotions(axes, history)
    axes.margins(x=0.05, y=0.15)
    axes.set_ylabel("accuracy")
    axes.set_xlabel("promotion (UTC)")
    axes.grid(axis="y", alpha=0.3)
    title = "Champions so far" if history else "No model has been promoted yet"
    axes.set_title(title, loc="left", size=10)
    if history:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(MARKS), frameon=False)
    _hide_box(axes)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Replace a file by the plot as PNG; equal plots give equal bytes."""
    content = BytesIO()
    figure.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
    write_bytes(path, content.getvalue())


def _write_cell(axes: Axes, place: tuple[int, int], count: int, share: float) -> None:
    ink = "white" if share > DARK else "black"
    axes.text(*place, f"{count:,}", size=16, ha="center", va="bottom", color=ink)
    axes.text(*place, f"\n{share:.1%}", size=10, ha="center", va="center", color=ink)


def _plot_accuracies(axes: Axes, bins: Sequence[Bin]) -> None:
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="perfect calibration")
    axes.errorbar(
        x=[one.confidence for one in bins],
        y=[one.accuracy for one in bins],
        yerr=list(zip(*map(_error_bars, bins))),
        fmt="o-",
        color=BLUE,
        capsize=3,
        label="measured, with 95 % intervals",
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("accuracy")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", frameon=False)
    _hide_box(axes)


def _error_bars(one: Bin) -> tuple[float, float]:
    """Return how far the 95 % Wilson interval reaches below and above a bin's accuracy."""
    interval = binomtest(round(one.accuracy * one.rows), one.rows).proportion_ci(method="wilson")
    below, above = one.accuracy - interval.low, interval.high - one.accuracy
    return max(0.0, below), max(0.0, above)  # rounding may give less than 0


def _name_promotions(axes: Axes, history: Sequence[Promotion]) -> None:
    every = -(-len(history) // MAX_NAMES) or 1
    named = range(len(history))[::-every]  # always with the newest
    names = [_name(history[place]) for place in named]
    axes.set_xticks(named, names, rotation=90, size=7, parse_math=False)
    for place in named if every == 1 else named[:1]:
        axes.annotate(
            f"{history[place].accuracy:.3f}",
            (place, history[place].accuracy),
            xytext=(0, 7),
            textcoords="offset points",
            size=7,
            ha="center",
        )


def _name(one: Promotion) -> str:
    """Return date, time and version."""
    moment = one.timestamp[:16].replace("T", " ")
    return f"{moment}\n{one.model_tag.rpartition(':')[2]}"


def _set_title(axes: Axes, title: str, subtitle: str) -> None:
    lines = textwrap.wrap(title, TITLE_WIDTH)
    axes.set_title("\n".join([*lines, subtitle]), loc="left", size=10, parse_math=False)


def _hide_box(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
