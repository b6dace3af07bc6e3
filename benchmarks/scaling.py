"""The benchmark of scaling: texts per second by length and by batch size; int8 beside float32."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.hardware import Machine
from benchmarks.model import random_model
from benchmarks.plots import plot_scaling
from benchmarks.settings import ScalingConfig, Settings
from benchmarks.stats import Spread, table
from benchmarks.texts import TextsError, read_texts
from inference.classifier import Classifier
from inference.model_folder import ModelFolder, ModelFolderError
from inference.packing import collate, pack
from inference.starter import STARTER_FOLDER
from training.data.dataset import load
from training.errors import EXPECTED
from training.evaluation.prediction import predict
from training.export.export import export
from training.export.precision_selection import PrecisionReport, compare_precisions
from training.finetuning.pretrained import load_pretrained

ERRORS = (*EXPECTED, ModelFolderError, TextsError)

LENGTHS = (8, 16, 32, 64, 128, 256, 512)
TEXTS_PER_LENGTH = 16
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
TOKEN = 5  # any: the time depends on the number of tokens only


@dataclass(frozen=True, slots=True)
class Report:
    """Texts per second by length in tokens, and by batch size; ``plot`` is a path.

    ``precision`` compares the starter's int8 with float32; None without a dataset.
    """

    machine: Machine
    model: str
    by_length: Mapping[int, Spread]
    by_batch: Mapping[int, Spread]
    precision: PrecisionReport | None
    plot: str

    def show(self) -> str:
        """Return tables of medians, lowest and highest values of the rounds."""
        lengths = [["tokens per text", "texts/s", "tokens/s"]] + [
            [str(length), spread.show(1), f"{length * spread.median:,.0f}"]
            for length, spread in self.by_length.items()
        ]
        batches = [["texts per batch", "texts/s"]] + [
            [str(size), spread.show(1)] for size, spread in self.by_batch.items()
        ]
        precision = self.precision or "int8 is not compared with fp32: DATASET is not set"
        parts = (
            f"\n{self.model} on {self.machine.show()}: median (lowest .. highest)",
            table(lengths),
            table(batches),
            f"The starter: {precision}",
            f"Plot: {self.plot}",
        )
        return "\n\n".join(parts)


def run(settings: Settings) -> Report:
    """Measure the curves, and write the plot. Raises ERRORS."""
    texts = cycle(read_texts(settings.texts))
    model = settings.model or random_model()
    max_tokens = ModelFolder.read(model).max_tokens
    classifier = Classifier.load(model)
    classifier.warm_up().join()

    def passes_of(length: int) -> Callable[[], int]:
        token_ids = [[TOKEN] * length] * TEXTS_PER_LENGTH
        passes = [collate(rows, token_ids, TOKEN) for rows in pack([length] * TEXTS_PER_LENGTH)]

        def run_passes() -> int:
            for each in passes:
                classifier.runtime.logits(each)
            return TEXTS_PER_LENGTH

        return run_passes

    def batch_of(size: int) -> Callable[[], int]:
        return lambda: len(classifier.classify_each(list(islice(texts, size))))

    config = settings.profile.scaling
    by_length = _texts_per_s({n: passes_of(n) for n in LENGTHS if n <= max_tokens}, config)
    by_batch = _texts_per_s({size: batch_of(size) for size in BATCH_SIZES}, config)
    machine, plot = Machine.read(), settings.output / "scaling.png"
    plot_scaling(by_length, by_batch, f"{model.name} on {machine.show()}", plot)
    precision = None if settings.dataset is None else _compare_precisions(settings.dataset)
    return Report(machine, model.name, by_length, by_batch, precision, str(plot))


def _texts_per_s(
    tasks: Mapping[int, Callable[[], int]], config: ScalingConfig
) -> dict[int, Spread]:
    """Run each task for the duration, round by round, after one run that is not measured."""
    measured: dict[int, list[float]] = defaultdict(list)
    for number in range(config.rounds):
        for size, task in tasks.items():
            task()
            done, start_s = 0, perf_counter()
            while (took_s := perf_counter() - start_s) < config.duration_s:
                done += task()
            measured[size].append(done / took_s)
            print(f"round {number + 1}  {size:4}  {done / took_s:8.1f} texts/s", flush=True)
    return {size: Spread.of(values) for size, values in measured.items()}


def _compare_precisions(dataset: str) -> PrecisionReport:
    """Compare the starter as it is served with float32, on all evaluation rows."""
    rows = load(dataset).evaluation
    base = load_pretrained(str(STARTER_FOLDER), None, seed=0)
    with TemporaryDirectory() as folder:
        export(*base.model_and_tokenizer, Path(folder), precision="fp32")
        exact = predict(Classifier.load(Path(folder)), rows, "the starter in fp32")
    served = predict(Classifier.load(STARTER_FOLDER), rows, "the starter in int8")
    return compare_precisions("int8", served, exact)
