"""Check at each start that a model answers on this machine as it did when it was exported.

An exported model can be right on one processor and wrong on another, without any error: sums of
int8 products overflow on processors without VNNI, and runtimes have faults that show on some
processors only.
"""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inference.classifier import ClassificationError, Classifier
from inference.model_folder import ModelFolder, ModelFolderError
from inference.reference_texts import REFERENCE_TEXTS
from inference.references import SCORE_BOUNDS, References
from inference.runtime import RuntimeName

OWN_FORM_BOUND = 0.05
"""How far int8 may be from its own precise form, for models stored without references."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """The result of a self-check.

    ``reference`` is what the model was compared with: ``original`` (transformers in float32),
    ``precise form`` (its own graph, computed in float32), or ``none``. ``deviation`` is the
    largest difference of a probability, ``bound`` what is accepted; both are in 0..1.
    """

    passed: bool
    reference: str
    precision: str
    processor: str
    texts: int = 0
    deviation: float = 0.0
    bound: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return it as ``GET /model`` answers it."""
        return asdict(self)


class SelfCheckError(ModelFolderError):
    """A model gives other answers on this machine than it gave when it was exported."""

    def __init__(self, folder: Path, check: SelfCheck) -> None:
        super().__init__(
            folder,
            f"its self-check failed on this processor, {check.processor}: a probability differs by "
            f"{check.deviation:.4f} from the original model's, {check.bound:.4f} is accepted "
            f"({check.texts} texts, computed in {check.precision})",
        )


def load_checked(path: Path, runtime: RuntimeName) -> tuple[Classifier, SelfCheck]:
    """Load a model folder in a form that passes its self-check on this machine.

    If the stored form fails and the model has a precise form, that one is taken. Raises
    SelfCheckError if none passes, and ModelFolderError if the folder holds no such model.
    """
    folder = ModelFolder.read(path)
    references = References.read(folder)
    classifier = Classifier.load(path, runtime)
    if references is None:
        return _compared_with_itself(classifier, folder, runtime)
    check = _compared(classifier, references, folder, "original")
    if not check.passed and classifier.runtime.has_precise_form:
        _log_fallback(check)
        classifier = Classifier.load(path, runtime, precise=True)
        check = _compared(classifier, references, folder, "original")
    if not check.passed:
        raise SelfCheckError(path, check)
    logger.info(
        "self-check passed on %s: in %s, %d probabilities differ by %.4f at most from the original "
        "model's (%.4f is accepted)",
        check.processor,
        check.precision,
        check.texts * len(folder.labels),
        check.deviation,
        check.bound,
    )
    return classifier, check


def _compared(
    classifier: Classifier, references: References, folder: ModelFolder, reference: str
) -> SelfCheck:
    precision = _precision(classifier, folder)
    bound = max(references.bound, SCORE_BOUNDS.get(precision, 0.0))
    try:
        deviation = references.deviation(classifier.classify(references.texts))
    except ClassificationError:
        logger.exception("the self-check could not be computed")
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


def _compared_with_itself(
    classifier: Classifier, folder: ModelFolder, runtime: RuntimeName
) -> tuple[Classifier, SelfCheck]:
    """Compare int8 with its own precise form: earlier versions stored models without references."""
    precision, processor = _precision(classifier, folder), classifier.runtime.processor
    if not classifier.runtime.has_precise_form:
        logger.warning("%s has no references: no self-check", folder.path.name)
        return classifier, SelfCheck(True, "none", precision, processor)
    precise = Classifier.load(folder.path, runtime, precise=True)
    try:
        expected = precise.classify(REFERENCE_TEXTS)
    except ClassificationError as error:
        raise ModelFolderError(folder.path, f"it fails on this processor, {processor}") from error
    references = References.of(REFERENCE_TEXTS, expected, OWN_FORM_BOUND)
    check = _compared(classifier, references, folder, "precise form")
    logger.warning(
        "this model was stored by an earlier version, without references for the self-check; int8 "
        "differs by %.4f at most from its own precise form. Export it again with `make model` or "
        "`make train` for a full check and a quicker start",
        check.deviation,
    )
    if check.passed:
        return classifier, check
    _log_fallback(check)
    return precise, _compared(precise, references, folder, "precise form")


def _precision(classifier: Classifier, folder: ModelFolder) -> str:
    return classifier.runtime.precision or str(folder.metadata.get("precision", "unknown"))


def _log_fallback(check: SelfCheck) -> None:
    logger.warning(
        "self-check failed on %s: in %s, a probability differs by %.4f (%.4f is accepted). The "
        "model is computed in fp32 instead: its answers are right, and take more memory and time. "
        "Export it again with `make model` or `make train`",
        check.processor,
        check.precision,
        check.deviation,
        check.bound,
    )
