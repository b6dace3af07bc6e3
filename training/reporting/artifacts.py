"""What people look at after a run: pictures, and the papers of a published model."""

from pathlib import Path

from inference.model_folder import ModelFolder
from training.files import write_json
from training.hub.manifest import BEST_METRICS
from training.promotion.champion_record import ChampionRecord
from training.reporting import model_card as card
from training.reporting import plots as pictures
from training.reporting.report import RunReport, metrics_json
from training.reporting.snippet import write_normalization

METRICS = "metrics.json"
PROMOTIONS = "promotions.png"


def plot_candidate(report: RunReport, folder: Path) -> None:
    """Draw the candidate's confusion matrix and reliability diagram, as PNG."""
    scores = report.candidate.evaluation
    matrix = pictures.confusion_matrix(scores.metrics, "Confusion matrix")
    diagram = pictures.reliability_diagram(scores.calibration, "Reliability")
    pictures.save(matrix, folder / card.CONFUSION_MATRIX)
    pictures.save(diagram, folder / card.RELIABILITY)


def plot_promotions(best: ChampionRecord | None, folder: Path) -> None:
    """Draw the history of the best model as PNG, where there is one."""
    if best is not None and best.history:
        pictures.save(pictures.promotion_history(best.history), folder / PROMOTIONS)


def write_published_files(
    report: RunReport, best: ChampionRecord, repo_id: str, folder: Path
) -> None:
    """Write all that is published besides the models: figures, card and pictures.

    The folder holds the form that is served. Raises ModelFolderError.
    """
    max_tokens = ModelFolder.read(folder).max_tokens
    write_json(folder / METRICS, metrics_json(report))
    write_json(folder / BEST_METRICS, best.to_dict())
    (folder / card.FILE).write_text(card.render(report, repo_id, max_tokens), encoding="utf-8")
    write_normalization(folder)
    plot_candidate(report, folder)
    plot_promotions(best, folder)
