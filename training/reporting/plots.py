"""Pictures of a training run for people, drawn without a display."""

import textwrap
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evaluation.metrics import Bin, Calibration, Metrics
from training.files import write_bytes
from training.promotion.champion_record import Promotion

DPI = 150
TITLE_WIDTH = 48
"""So many characters of a title fit on a line."""

MAX_NAMES = 20
"""So many promotions can be named below their history."""

BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
"""Colours that colour-blind people tell apart too (Okabe and Ito 2008), and a neutral one."""

MARKS = {"trained": ("o", BLUE), "base": ("s", VERMILION), "rollback": ("v", GREEN)}
"""Marker and colour of a promotion's origin."""

OTHER_MARK = ("D", GREY)

DARK = 0.71
"""Beyond this share a cell is so dark that white is easier to read on it than black."""

NORMAL_95 = 1.96
"""95 % of a normal distribution lie within so many standard deviations."""


def confusion_matrix(evaluation: Metrics, title: str) -> Figure:
    """Draw how many rows of each true class got which label, and the share of the class."""
    figure = Figure(figsize=(5.4, 5.2), layout="constrained")
    axes = figure.add_subplot()
    names = [one.name for one in evaluation.classes]
    shares = [[count / max(sum(row), 1) for count in row] for row in evaluation.confusion]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, row in enumerate(evaluation.confusion):
        for j, count in enumerate(row):
            _write_cell(axes, (j, i), count, shares[i][j])
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names, rotation=90, va="center")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted class", labelpad=10)
    axes.set_ylabel("true class", labelpad=10)
    told = f"accuracy {evaluation.accuracy:.1%} on {evaluation.rows:,} rows"
    _entitle(axes, title, f"{told}; shares are of the true class")
    return figure


def reliability_diagram(calibration: Calibration, title: str) -> Figure:
    """Draw accuracy against confidence, bin by bin, above the number of rows of each bin."""
    figure = Figure(figsize=(5.4, 5.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    _draw_accuracies(upper, calibration.bins)
    _entitle(upper, title, f"expected calibration error {calibration.error:.3f}")
    centres = [(one.lower + one.upper) / 2 for one in calibration.bins]
    counts = [one.rows for one in calibration.bins]
    bars = lower.bar(centres, counts, width=0.09, color=GREY)
    lower.bar_label(bars, [f"{count:,}" for count in counts], size=8, padding=2)
    lower.set_ylim(0, 1.3 * max(counts))
    lower.set_ylabel("rows")
    lower.set_xlabel("confidence: score of the predicted class")
    _tidy(lower)
    return figure


def promotion_history(history: Sequence[Promotion]) -> Figure:
    """Draw the accuracy of every model that became the best one, in the order of time."""
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    axes = figure.add_subplot()
    values = [one.accuracy for one in history]
    axes.step(range(len(values)), values, where="post", color=GREY, linewidth=1, zorder=1)
    for origin in dict.fromkeys(one.origin for one in history):
        places = [place for place, one in enumerate(history) if one.origin == origin]
        marker, colour = MARKS.get(origin, OTHER_MARK)
        heights = [values[place] for place in places]
        axes.scatter(places, heights, s=40, marker=marker, color=colour, label=origin, zorder=2)
    _name_promotions(axes, history)
    axes.margins(x=0.05, y=0.15)
    axes.set_ylabel("accuracy")
    axes.set_xlabel("promotion, in the order of time (UTC)")
    axes.grid(axis="y", alpha=0.3)
    title = "The best model so far" if history else "No model has been promoted yet"
    axes.set_title(title, loc="left", size=10)
    if history:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(MARKS), frameon=False)
    _tidy(axes)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Replace a file by the picture as PNG; equal figures give equal bytes."""
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=DPI, metadata={"Software": None})
    write_bytes(path, picture.getvalue())


def _write_cell(axes: Axes, place: tuple[int, int], count: int, share: float) -> None:
    ink = "white" if share > DARK else "black"
    axes.text(*place, f"{count:,}", size=16, ha="center", va="bottom", color=ink)
    axes.text(*place, f"\n{share:.1%}", size=10, ha="center", va="center", color=ink)


def _draw_accuracies(axes: Axes, bins: Sequence[Bin]) -> None:
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="perfect calibration")
    axes.errorbar(
        x=[one.confidence for one in bins],
        y=[one.accuracy for one in bins],
        yerr=list(zip(*map(_reach, bins))),
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
    _tidy(axes)


def _reach(one: Bin) -> tuple[float, float]:
    """Return how far a 95 % interval reaches below and above a bin's accuracy (Wilson 1927)."""
    weight = NORMAL_95**2 / one.rows
    middle = (one.accuracy + weight / 2) / (1 + weight)
    spread = one.accuracy * (1 - one.accuracy) / one.rows + weight / (4 * one.rows)
    half = NORMAL_95 * spread**0.5 / (1 + weight)
    below, above = one.accuracy - middle + half, middle + half - one.accuracy
    return max(0.0, below), max(0.0, above)  # rounding may take them below 0


def _name_promotions(axes: Axes, history: Sequence[Promotion]) -> None:
    every = -(-len(history) // MAX_NAMES) or 1
    named = range(len(history))[::-every]  # the newest always among them
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
    """Return date and time, and the version out of the tag."""
    moment = one.timestamp[:16].replace("T", " ")
    return f"{moment}\n{one.model_tag.rpartition(':')[2]}"


def _entitle(axes: Axes, title: str, told: str) -> None:
    lines = textwrap.wrap(title, TITLE_WIDTH)
    axes.set_title("\n".join([*lines, told]), loc="left", size=10, parse_math=False)


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
