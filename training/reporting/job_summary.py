"""A training run in Markdown, as a CI job shows it."""

from pathlib import Path

from training.evaluation.mcnemar import CONFIDENCE_LEVEL, McNemarResult
from training.export.precision_selection import SelectedPrecision
from training.finetuning.hyperparameters import Hyperparameters
from training.reporting.report import Judged, Recorded, RunReport
from training.reporting.tables import class_table, code, confusion_table, plain, share, table

NO_REVISION = "none, a local folder"

_SUMMARY = """\
## Training

**{outcome}: {reason}**

{false_promotion}

{figures}

### Candidate against {rival}

{comparison}

### The candidate by class

{classes}

Rows are the true class, columns the predicted one:

{confusion}

{test_split}### The run

{run}
"""


def render(report: RunReport) -> str:
    """Return the whole summary."""
    evaluation = report.scores.metrics
    return _SUMMARY.format(
        outcome="Improved" if report.decision.promoted else "Not improved",
        reason=plain(report.decision.reason),
        false_promotion=tell_false_promotion(report),
        figures=tell_figures(report),
        rival=_rival(report),
        comparison=tell_comparison(report),
        classes=class_table(evaluation),
        confusion=confusion_table(evaluation),
        test_split=tell_test_split(report),
        run=_run_table(report),
    )


def append(text: str, path: Path) -> None:
    """Add the summary to the file that the CI names, below what other steps wrote there."""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")


def tell_figures(report: RunReport) -> str:
    """Return the figures of candidate, champion and base model, and what they were taken on."""
    judged: list[tuple[str, Judged | Recorded]] = [
        ("candidate", report.candidate),
        (f"base model {code(report.base.name)}", report.base),
    ]
    if report.original:
        choice = SelectedPrecision("fp32", "as it was trained")
        judged.append(("candidate by transformers", Judged("", report.original, choice)))
    if report.champion:
        judged.insert(1, (f"champion {code(report.champion.name)}", report.champion))
    head = ("", "accuracy", "macro recall", "macro F1", "calibration error", "precision")
    told = [
        table(head, [_figures_row(*one) for one in judged]),
        f"On the same {report.provenance.eval_size:,} rows of "
        f"{plain(report.provenance.eval_split)}, each model in the form that would be served.",
    ]
    if report.original:
        told[-1] += " By transformers, the candidate is in the form that it was trained in."
    if isinstance(report.rival, Recorded):
        told.append(
            "The champion's accuracy is the recorded one: its model was not to be had, and its "
            "rows may have been others."
        )
    return "\n\n".join(told)


def tell_false_promotion(report: RunReport) -> str:
    """Return how often chance alone would have promoted the candidate."""
    return str(report.decision.false_promotion or "")


def tell_test_split(report: RunReport) -> str:
    """Return a section on the split test, which is empty without that split."""
    if report.test_split is None:
        return ""
    found = report.test_split.metrics
    return f"""\
### The candidate on the split test

On its {found.rows:,} rows, which chose nothing, and in the form that is served, its accuracy is \
**{found.accuracy:.4f}**, its macro recall **{found.macro_recall:.4f}** and its macro F1 \
{found.macro_f1:.4f}. Macro recall, the mean of the recalls of the classes, is what TweetEval's \
leaderboard shows for sentiment, in percent: {100 * found.macro_recall:.1f}.

"""


def tell_comparison(report: RunReport) -> str:
    """Return the paired test as its table of four counts and in words."""
    if report.test is None:
        return "Not tested on the same rows: the champion's model was not to be had."
    rival, test = _rival(report), report.test
    cells = table(
        ("", f"{rival} right", f"{rival} wrong"),
        [
            ("candidate right", f"{test.both:,}", f"{test.candidate_only:,}"),
            ("candidate wrong", f"{test.champion_only:,}", f"{test.neither:,}"),
        ],
    )
    low, high = test.interval
    return f"""\
{cells}

On the {test.rows:,} rows of the whole split {plain(report.provenance.eval_split)}, the candidate \
alone is right on {test.candidate_only:,} and the {rival} alone on {test.champion_only:,}: a \
difference in accuracy of {_points(test.difference)} points, with a {CONFIDENCE_LEVEL:.0%} \
confidence interval from {_points(low)} to {_points(high)}. Were both equally good, chance would \
part them as far with {_probability(test.p_value)} (mid-p McNemar test). \
{_verdict(test)}"""


def _rival(report: RunReport) -> str:
    return "champion" if report.champion else "base model"


def _verdict(test: McNemarResult) -> str:
    if not test.is_significant:
        return "So chance alone may explain the difference."
    direction = "better" if test.difference > 0 else "worse"
    return f"So the candidate is {direction} by more than chance explains."


def _figures_row(who: str, judged: Judged | Recorded) -> tuple[str, ...]:
    if isinstance(judged, Recorded):
        return who, share(judged.accuracy), *[share(None)] * 3, "-"
    precision = judged.choice.precision if judged.choice else "-"
    found, error = judged.scores.metrics, judged.scores.calibration.error
    shares = (found.accuracy, found.macro_recall, found.macro_f1, error)
    return who, *map(share, shares), precision


def _run_table(report: RunReport) -> str:
    origin, choice = report.provenance, report.candidate.choice
    sizes = f"{origin.train_size:,} rows of train, {origin.eval_size:,} of {origin.eval_split}"
    facts = {
        "base model": code(origin.base_model),
        "revision of the base model": code(origin.base_model_revision or NO_REVISION),
        "data set": f"{code(origin.dataset)}: {plain(sizes)}, drawn with seed {origin.seed}",
        "revision of the data set": code(origin.dataset_revision or NO_REVISION),
        "SHA-256 of the data set": code(origin.dataset_fingerprint),
        "SHA-256 of the rows drawn": code(origin.sample_fingerprint),
        "recipe": tell_recipe(report.learning.recipe),
        "precision": f"{choice.precision}: {plain(choice.reason)}" if choice else "-",
        "stored as": code(report.model_tag) if report.model_tag else "not stored",
        "commit": code(origin.git_commit) if origin.git_commit else "not known",
        "finished": plain(report.timestamp),
        "duration": duration(report.duration_s),
    }
    return table(("", ""), list(facts.items()))


def duration(seconds: float) -> str:
    """Return a duration as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def tell_recipe(recipe: Hyperparameters) -> str:
    """Return what fine-tuning chose, in a line."""
    told = (
        f"{recipe.epochs:g} epochs, learning rate {recipe.learning_rate:g}, batches of "
        f"{recipe.batch_size}"
    )
    if recipe.freeze_ratio:
        told += f", the embeddings and the lowest {recipe.freeze_ratio:.0%} of the layers frozen"
    return told


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f}"


def _probability(value: float) -> str:
    return "p < 0.0001" if value < 0.0001 else f"p = {value:.4f}"
