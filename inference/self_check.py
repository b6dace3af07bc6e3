"""Check at each start that the model gives the same probabilities as when it was exported.

An exported model can be right on one CPU and wrong on another without an error: int8 sums overflow
on CPUs without VNNI, and runtimes have bugs that only some CPUs show.
"""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inference.classifier import ClassificationError, Classifier
from inference.model_folder import ModelFolder, ModelFolderError
from inference.reference_predictions import REFERENCE_TEXTS, SCORE_BOUNDS, ReferencePredictions
from inference.runtime import RuntimeName

DEQUANTIZED_BOUND = 0.05
"""How far int8 may be from its dequantized form, for models stored without references."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """The result of a self-check.

    ``reference`` is what the model was compared with: ``original`` (transformers in float32),
    ``dequantized`` (its own graph in float32), or ``none``. ``deviation`` is the largest difference
    of a probability, ``bound`` the largest that is accepted; both are in 0..1.
    """

    passed: bool
    reference: str
    precision: str
    processor: str
    texts: int = 0
    deviation: float = 0.0
    bound: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return what ``GET /model`` shows."""
        return asdict(self)


class SelfCheckError(ModelFolderError):
    """A model gives other probabilities on this machine than when it was exported."""

    def __init__(self, folder: Path, check: SelfCheck) -> None:
        super().__init__(
            folder,
            f"the self-check failed on {check.processor}: a probability differs by "
            f"{check.deviation:.4f} from the original model's, {check.bound:.4f} is accepted "
            f"({check.texts} texts, computed in {check.precision})",
        )


def load_checked(path: Path, runtime: RuntimeName) -> tuple[Classifier, SelfCheck]:
    """Load a model folder and check it; an int8 model that fails is loaded dequantized.

    Raises SelfCheckError if that fails as well, and ModelFolderError if the folder has no such
    model.
    """
    folder = ModelFolder.read(path)
    references = ReferencePredictions.read(folder)
    classifier = Classifier.load(path, runtime)
    if references is None:
        return _compare_with_dequantized(classifier, folder, runtime)
    check = _compare(classifier, references, folder, "original")
    if not check.passed and classifier.runtime.is_quantized:
        _log_fallback(check)
        classifier = Classifier.load(path, runtime, dequantized=True)
        check = _compare(classifier, references, folder, "original")
    if not check.passed:
        raise SelfCheckError(path, check)
    logger.info(
        "self-check passed on %s in %s: %d probabilities differ by up to %.4f from the original "
        "model's (accepted: %.4f)",
        check.processor,
        check.precision,
        check.texts * len(folder.labels),
        check.deviation,
        check.bound,
    )
    return classifier, check


def _compare(
    classifier: Classifier, references: ReferencePredictions, folder: ModelFolder, reference: str
) -> SelfCheck:
    precision = _precision(classifier, folder)
    bound = max(references.bound, SCORE_BOUNDS.get(precision, 0.0))
    try:
        deviation = references.max_difference(classifier.classify(references.texts))
    except ClassificationError:
        logger.exception("the self-check failed with an error")
        deviation = 1.0
    return SelfCheck(
        passed=deviation <= bound,
        reference=reference,
        precision=precision,
        processor=classifier.runtime.processor,
        texts=len(references.texts),
        deviation=round(deviation, 6),
        bound=bound,
    )


def _compare_with_dequantized(
    classifier: Classifier, folder: ModelFolder, runtime: RuntimeName
) -> tuple[Classifier, SelfCheck]:
    """Compare int8 with its dequantized form, if an earlier version stored no references."""
    precision, processor = _precision(classifier, folder), classifier.runtime.processor
    if not classifier.runtime.is_quantized:
        logger.warning("no self-check: %s was stored without references", folder.path.name)
        return classifier, SelfCheck(True, "none", precision, processor)
    dequantized = Classifier.load(folder.path, runtime, dequantized=True)
    try:
        expected = dequantized.classify(REFERENCE_TEXTS)
    except ClassificationError as error:
        raise ModelFolderError(folder.path, f"it fails on {processor}") from error
    references = ReferencePredictions.of(REFERENCE_TEXTS, expected, DEQUANTIZED_BOUND)
    check = _compare(classifier, references, folder, "dequantized")
    logger.warning(
        "the model was stored by an earlier version, without references for the self-check: int8 "
        "differs by up to %.4f from its dequantized form. Export it again with `make model` or "
        "`make train` for a full check and a faster start",
        check.deviation,
    )
    if check.passed:
        return classifier, check
    _log_fallback(check)
    return dequantized, _compare(dequantized, references, folder, "dequantized")


def _precision(classifier: Classifier, folder: ModelFolder) -> str:
    return classifier.runtime.precision or str(folder.metadata.get("precision", "unknown"))


def _log_fallback(check: SelfCheck) -> None:
    logger.warning(
        "self-check failed on %s in %s: a probability differs by %.4f (accepted: %.4f). The model "
        "is computed in fp32 instead, which is right but takes more memory and time. Export it "
        "again with `make model` or `make train`",
        check.processor,
        check.precision,
        check.deviation,
        check.bound,
    )
