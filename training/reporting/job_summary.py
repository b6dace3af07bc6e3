"""Summarise a training run in Markdown for a CI job."""

from pathlib import Path

from training.reporting import markdown
from training.reporting.markdown import code, plain
from training.reporting.report import RunReport

_SUMMARY = """\
## Training

**{outcome}: {reason}**

{false_promotion}

{metrics}

### Candidate against {baseline}

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
    metrics = report.candidate.evaluation.metrics
    return _SUMMARY.format(
        outcome="Promoted" if report.decision.promoted else "Not promoted",
        reason=plain(report.decision.reason),
        false_promotion=report.decision.false_promotion or "",
        metrics=markdown.metrics_section(report),
        baseline=markdown.baseline_kind(report),
        comparison=markdown.comparison_section(report),
        classes=markdown.class_table(metrics),
        confusion=markdown.confusion_table(metrics),
        test_split=markdown.test_split_section(report),
        run=_run_table(report),
    )


def append(text: str, path: Path) -> None:
    """Append the summary to the job's file, which may have text of other steps."""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")


def _run_table(report: RunReport) -> str:
    origin, selected = report.provenance, report.candidate.selected_precision
    sizes = f"{origin.train_size:,} rows of train, {origin.eval_size:,} of {origin.eval_split}"
    rows = {
        "dataset": f"{code(origin.dataset)}: {plain(sizes)}, sampled with seed {origin.seed}",
        **markdown.provenance_rows(report),
        "precision": f"{selected.precision}: {plain(selected.reason)}" if selected else "-",
        "registered as": code(report.model_tag) if report.model_tag else "not registered",
        "git commit": code(origin.git_commit) if origin.git_commit else "unknown",
        "finished": plain(report.timestamp),
        "duration": markdown.format_duration(report.duration_s),
    }
    return markdown.table(("", ""), list(rows.items()))
