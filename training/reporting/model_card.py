"""Write the model card of a published model, and the other files that are published with it."""

import inspect
import shutil
from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # but public

from inference import normalization
from inference.model_folder import ModelFolder
from training.data.dataset import CONFIGURATION
from training.files import write_json
from training.hub.commit_plan import CARD
from training.hub.manifest import BEST_METRICS
from training.promotion.champion_record import ChampionRecord
from training.reporting import markdown
from training.reporting.markdown import code, plain
from training.reporting.plots import CONFUSION_MATRIX, RELIABILITY, plot_candidate, plot_promotions
from training.reporting.report import RunReport, metrics_json

TEMPLATE = Path(__file__).with_name("model_card.md.jinja")
NORMALIZATION = "normalization.py"
METRICS = "metrics.json"

_HUB_METRICS = {
    "accuracy": ("accuracy", "accuracy"),
    "macro_recall": ("recall", "macro-averaged recall"),
    "macro_f1": ("f1", "macro-averaged F1"),
}
"""The Hub's type and a display name of each metric."""

_SNIPPET = """\
import sys

from huggingface_hub import snapshot_download
from transformers import pipeline

sys.path.append(snapshot_download("{repo_id}", allow_patterns="{normalization}"))
from normalization import normalize

classify = pipeline(
    "text-classification", model="{repo_id}", truncation=True, max_length={max_tokens}
)
print(classify(normalize("Beautiful post!!!")))
"""


def write_published_files(
    report: RunReport, best: ChampionRecord, repo_id: str, folder: Path
) -> None:
    """Write metrics, card, plots and normalization.py beside the served form in ``folder``.

    Raises ModelFolderError.
    """
    max_tokens = ModelFolder.read(folder).max_tokens
    write_json(folder / METRICS, metrics_json(report))
    write_json(folder / BEST_METRICS, best.to_dict())
    (folder / CARD).write_text(render(report, repo_id, max_tokens), encoding="utf-8")
    copy_normalization(folder)
    plot_candidate(report, folder)
    plot_promotions(best, folder)


def copy_normalization(folder: Path) -> None:
    """Copy the normalization of texts, which needs only Python."""
    shutil.copyfile(inspect.getfile(normalization), folder / NORMALIZATION)


def render(report: RunReport, repo_id: str, max_tokens: int) -> str:
    """Return the card of a run's candidate; ``max_tokens`` is the model's limit."""
    origin, candidate = report.provenance, report.candidate
    metrics, selected = candidate.evaluation.metrics, candidate.selected_precision
    card = ModelCard.from_template(
        _metadata(report, repo_id),
        template_path=str(TEMPLATE),
        title=repo_id.rpartition("/")[2],
        repo_id=repo_id,
        base=code(origin.base_model),
        dataset=code(origin.dataset),
        configuration=CONFIGURATION,
        split=plain(origin.eval_split),
        provenance=origin,
        metrics=metrics,
        float32=candidate.float32,
        snippet=_SNIPPET.format(
            repo_id=repo_id, max_tokens=max_tokens, normalization=NORMALIZATION
        ),
        selected=selected,
        precision_reason=plain(selected.reason) if selected else "",
        normalization=NORMALIZATION,
        confusion_matrix=CONFUSION_MATRIX,
        reliability=RELIABILITY,
        origin_table=_origin_table(report),
        metrics_table=markdown.metrics_section(report),
        class_table=markdown.class_table(metrics),
        confusion_table=markdown.confusion_table(metrics),
        calibration_error=candidate.evaluation.calibration.error,
        test_split=markdown.test_split_section(report),
        reason=plain(report.decision.reason),
        false_promotion=report.decision.false_promotion or "",
        comparison=markdown.comparison_section(report),
        standard_error=100 * (metrics.accuracy * (1 - metrics.accuracy) / metrics.rows) ** 0.5,
    )
    return str(card)


def _metadata(report: RunReport, repo_id: str) -> ModelCardData:
    """Return the YAML metadata, which name base model and dataset only if they are on the Hub.

    No license is given, because that of the base model is unknown.
    """
    origin = report.provenance
    return ModelCardData(
        language="en",
        pipeline_tag="text-classification",
        library_name="transformers",
        base_model=origin.base_model if _is_hub_id(origin.base_model) else None,
        datasets=[origin.dataset] if _is_hub_id(origin.dataset) else None,
        metrics=[kind for kind, _ in _HUB_METRICS.values()],
        tags=["sentiment-analysis", "tweets", "openvino", "bentoml"],
        model_name=repo_id.rpartition("/")[2],
        eval_results=_eval_results(report),
    )


def _eval_results(report: RunReport) -> list[EvalResult]:
    origin = report.provenance
    sampled = f"{origin.dataset}, {origin.eval_size} rows sampled with seed {origin.seed}"
    splits = [(sampled, origin.eval_split, report.candidate.evaluation)]
    if report.candidate.test_split is not None:
        splits.append((origin.dataset, "test", report.candidate.test_split))
    return [
        EvalResult(
            task_type="text-classification",
            task_name="sentiment of tweets",
            dataset_type=origin.dataset,
            dataset_name=dataset,
            dataset_config=CONFIGURATION,
            dataset_split=split,
            dataset_revision=origin.dataset_revision,
            metric_type=kind,
            metric_name=name,
            metric_value=predictions.flat_metrics()[metric],
        )
        for dataset, split, predictions in splits
        for metric, (kind, name) in _HUB_METRICS.items()
    ]


def _is_hub_id(name: str) -> bool:
    """Return whether a name is owner/name, not a local folder, which is named without parents."""
    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return "/" in name


def _origin_table(report: RunReport) -> str:
    rows = {
        **markdown.provenance_rows(report),
        "commit of the training code": code(report.provenance.git_commit or "unknown"),
        "tag in the Bento store": code(report.model_tag or "not registered"),
        "trained": (f"{plain(report.timestamp)}, in {markdown.format_duration(report.duration_s)}"),
    }
    return markdown.table(("", ""), list(rows.items()))
