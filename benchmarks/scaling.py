"""The benchmark of growth: what longer texts and larger batches cost, and what int8 costs."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.hardware import Machine
from benchmarks.model import roberta_base
from benchmarks.plots import draw_growth
from benchmarks.settings import Points, Settings
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
TEXTS = 16
"""So many texts of one length are classified together."""
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
TOKEN = 5
"""Any will do: what the model computes hangs on how many there are."""
NO_DATASET = "int8 was not compared with fp32, as there are no labels: let DATASET name some."


@dataclass(frozen=True, slots=True)
class Report:
    """Texts per second by their length in tokens, and of real texts by how many come together.

    ``precision`` compares the starter's int8 with fp32 on all evaluation rows, where there are
    some.
    """

    machine: Machine
    model: str
    by_length: Mapping[int, Spread]
    by_batch: Mapping[int, Spread]
    precision: PrecisionReport | None
    picture: str

    def show(self) -> str:
        """Return it as text: medians of the rounds, between the lowest and the highest."""
        lengths = [["tokens a text", "texts/s", "tokens/s"]] + [
            [str(length), spread.show(1), f"{length * spread.median:,.0f}"]
            for length, spread in self.by_length.items()
        ]
        batches = [["texts together", "texts/s"]] + [
            [str(batch), spread.show(1)] for batch, spread in self.by_batch.items()
        ]
        return "\n\n".join(
            (
                f"\n{self.model} on {self.machine.show()}: median (lowest .. highest)",
                table(lengths),
                table(batches),
                f"The starter: {self.precision}" if self.precision else NO_DATASET,
                f"Picture: {self.picture}",
            )
        )


def run(settings: Settings) -> Report:
    """Measure all of it; the picture is written. Raises what is in ERRORS."""
    settings.output.mkdir(parents=True, exist_ok=True)
    texts = cycle(read_texts(settings.texts))
    model = settings.model or roberta_base()
    longest = ModelFolder.read(model).max_tokens
    classifier = Classifier.load(model)
    classifier.warm_up().join()

    def passes_of(length: int) -> Callable[[], int]:
        token_ids = [[TOKEN] * length] * TEXTS
        arrays = [collate(rows, token_ids, TOKEN) for rows in pack([length] * TEXTS)]

        def run_passes() -> int:
            for each in arrays:
                classifier.runtime.logits(each)
            return TEXTS

        return run_passes

    def batch_of(size: int) -> Callable[[], int]:
        return lambda: len(classifier.classify_each(list(islice(texts, size))))

    points = settings.effort.growth
    by_length = _texts_per_s({n: passes_of(n) for n in LENGTHS if n <= longest}, points)
    by_batch = _texts_per_s({size: batch_of(size) for size in BATCHES}, points)
    machine, picture = Machine.read(), settings.output / "growth.png"
    draw_growth(by_length, by_batch, f"{model.name} on {machine.show()}", picture)
    precision = None if settings.dataset is None else _compare_precisions(settings.dataset)
    return Report(machine, model.name, by_length, by_batch, precision, str(picture))


def _texts_per_s(work: Mapping[int, Callable[[], int]], points: Points) -> dict[int, Spread]:
    """Do each piece of work for a while, round by round; a first time is not counted."""
    measured: dict[int, list[float]] = defaultdict(list)
    for number in range(points.rounds):
        for size, do in work.items():
            do()
            done, start_s = 0, perf_counter()
            while (took_s := perf_counter() - start_s) < points.duration_s:
                done += do()
            measured[size].append(done / took_s)
            print(f"round {number + 1}  {size:4}  {done / took_s:8.1f} texts/s", flush=True)
    return {size: Spread.of(values) for size, values in measured.items()}


def _compare_precisions(dataset: str) -> PrecisionReport:
    """Score the starter as it is served, and in float32, on all evaluation rows."""
    rows = load(dataset).evaluation
    base = load_pretrained(str(STARTER_FOLDER), None, seed=0)
    with TemporaryDirectory() as folder:
        export(*base.model_and_tokenizer, Path(folder), precision="fp32")
        exact = predict(Classifier.load(Path(folder)), rows, "the starter in fp32")
    served = predict(Classifier.load(STARTER_FOLDER), rows, "the starter in int8")
    return compare_precisions("int8", served, exact)
