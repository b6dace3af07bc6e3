"""Plots are legible, and equal for equal metrics."""

from itertools import combinations
from random import Random

import pytest

pytest.importorskip("matplotlib", reason="the training group is not installed")
pytest.importorskip("openvino", reason="OpenVINO is not installed")

# pylint: disable=wrong-import-position
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from training.data.dataset import LABELS
from training.evaluation.metrics import compute_calibration, compute_metrics
from training.promotion.champion_record import Promotion
from training.reporting.plots import confusion_matrix, promotion_history, reliability_diagram, save

CONTRAST = 4.5
"""Minimum for text in the Web Content Accessibility Guidelines 2.2 (1.4.3)."""


def history(length: int) -> list[Promotion]:
    """Return promotions of all origins, some of them equally good."""
    rng = Random(1)
    return [
        Promotion(
            timestamp=f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}T10:00:00+00:00",
            model_tag=f"sentiment:cb2axxxha66g{day:04d}",
            accuracy=0.7 + 0.01 * (day // 3) / length + 0.001 * rng.randrange(2),
            origin=("base", "trained", "trained", "rollback")[day % 4],
        )
        for day in range(length)
    ]


def texts_of(figure: Figure) -> list[str]:
    """Return all texts of a figure's axes, with tick labels."""
    figure.draw_without_rendering()
    return [
        text.get_text()
        for axes in figure.axes
        for text in (*axes.texts, axes.title, *axes.get_xticklabels(), *axes.get_yticklabels())
    ]


def titles(figure: Figure) -> list[str]:
    """Return the titles of a figure's axes."""
    return [axes.get_title(loc="left") for axes in figure.axes]


def luminance(color: object) -> float:
    """Return the relative luminance of a color, in 0..1, as the guidelines define it."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_confusion_matrix_shows_counts_and_shares_of_the_true_class():
    figure = confusion_matrix(
        compute_metrics([0, 0, 0, 1], [0, 0, 1, 1], ("bad", "good")), "A model"
    )

    texts = texts_of(figure)

    assert ["2", "1", "0", "1"] == [text for text in texts if text.isdigit()]
    assert {"\n66.7%", "\n33.3%", "\n0.0%", "\n100.0%"} <= set(texts)
    assert {"bad", "good"} <= set(texts)
    assert titles(figure)[0].startswith("A model\naccuracy 75.0% on 4 rows")


def test_a_class_without_rows_has_shares_of_0():
    figure = confusion_matrix(compute_metrics([0, 0], [0, 1], LABELS), "")

    assert 7 == texts_of(figure).count("\n0.0%")


@pytest.mark.parametrize("right", range(0, 101, 3))
def test_text_is_legible_on_cells_of_every_shade(right):
    evaluation = compute_metrics([0] * 100, [0] * right + [1] * (100 - right), ("bad", "good"))

    text = confusion_matrix(evaluation, "").get_axes()[0].texts[0]

    shades = sorted([luminance(text.get_color()), luminance(colormaps["Blues"](right / 100)[:3])])
    assert CONTRAST <= (shades[1] + 0.05) / (shades[0] + 0.05)


def test_the_reliability_diagram_shows_accuracy_rows_and_error():
    figure = reliability_diagram(
        compute_calibration([0.55, 0.95, 0.95], [False, True, True]), "A model"
    )

    below = figure.get_axes()[1]
    points = figure.get_axes()[0].containers[0].lines[0]
    assert [0.55, 0.0, 0.95, 1.0] == pytest.approx(points.get_xydata().ravel().tolist())
    assert ["1", "2"] == [text.get_text() for text in below.texts]
    assert "A model\nexpected calibration error 0.217" == titles(figure)[0]


def test_error_bars_are_wilson_intervals():
    figure = reliability_diagram(compute_calibration([0.85] * 10, [True] * 9 + [False]), "")

    bars = figure.get_axes()[0].containers[0].lines[2][0].get_segments()[0]
    assert [0.5958, 0.9821] == pytest.approx([height for _, height in bars], abs=1e-4)


@pytest.mark.parametrize("right", [[True] * 4, [False] * 4])
def test_bins_that_are_all_right_or_all_wrong_can_be_plotted(right, tmp_path):
    save(reliability_diagram(compute_calibration([1.0] * 4, right), ""), tmp_path / "plot.png")

    assert (tmp_path / "plot.png").exists()


@pytest.mark.parametrize("length", [1, 2, 7, 20, 21, 60, 300])
def test_the_history_is_legible_however_long(length):
    figure = promotion_history(history(length))
    figure.draw_without_rendering()

    axes = figure.get_axes()[0]
    names = [label.get_window_extent() for label in axes.get_xticklabels()]
    values = [text.get_window_extent() for text in axes.texts]
    assert not [pair for pair in combinations(names, 2) if pair[0].overlaps(pair[1])]
    assert not [pair for pair in combinations(values, 2) if pair[0].overlaps(pair[1])]
    assert all(figure.bbox.y0 <= box.y0 and box.x1 <= figure.bbox.x1 for box in names + values)


@pytest.mark.parametrize("length", [1, 20, 21, 60])
def test_the_newest_promotion_is_always_named(length):
    last = history(length)[-1]

    texts = texts_of(promotion_history(history(length)))

    assert f"{last.timestamp[:10]} 10:00\ncb2axxxha66g{length - 1:04d}" in texts
    assert f"{last.accuracy:.3f}" in texts


def test_origins_differ_in_shape_and_color():
    axes = promotion_history(
        [*history(4), Promotion("2026", "sentiment:x", 0.7, "found")]
    ).get_axes()[0]

    marks = axes.collections
    assert ["base", "trained", "rollback", "found"] == [mark.get_label() for mark in marks]
    assert 4 == len({mark.get_facecolor().tobytes() for mark in marks})
    assert 4 == len({mark.get_paths()[0].vertices.tobytes() for mark in marks})


def test_an_empty_history_has_its_own_title():
    assert ["No model has been promoted yet"] == titles(promotion_history([]))


@pytest.mark.parametrize("name", ["$x_$", "\\frac{", "a" * 200, "two words"])
def test_names_are_shown_unchanged(name, tmp_path):
    evaluation = compute_metrics([0, 1], [0, 1], ("bad", "good"))
    figure = confusion_matrix(evaluation, name)
    promotion = Promotion(timestamp=name[:30], model_tag=name[:30], accuracy=0.7, origin="base")

    save(figure, tmp_path / "matrix.png")
    save(promotion_history([promotion]), tmp_path / "history.png")

    figure.draw_without_rendering()
    title = figure.get_axes()[0]._left_title  # pylint: disable=protected-access  # no other way
    assert title.get_text().replace("\n", "").startswith(name.strip())
    assert title.get_window_extent().x1 <= figure.bbox.x1


def test_equal_plots_have_equal_bytes(tmp_path):
    for name in ("one.png", "other.png"):
        save(promotion_history(history(5)), tmp_path / name)

    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()


def test_a_plot_has_no_metadata_of_time_and_software(tmp_path):
    save(promotion_history(history(5)), tmp_path / "history.png")

    with Image.open(tmp_path / "history.png") as plot:
        assert {"dpi"} == set(plot.info)
        assert (1200, 720) == plot.size


def test_a_plot_that_fails_keeps_the_old_one(tmp_path):
    path = tmp_path / "folder" / "history.png"
    save(promotion_history(history(2)), path)
    before = path.read_bytes()
    broken = Figure()
    broken.text(0, 0, "$x_$")

    with pytest.raises(ValueError, match=r"x_"):
        save(broken, path)

    assert before == path.read_bytes()
    assert [path] == list(path.parent.iterdir())
