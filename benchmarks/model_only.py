"""The model without HTTP: an upper bound for every service.

``python -m benchmarks.model_only MODEL TEXTS`` classifies batches of texts, divided among as many
threads as passes run side by side. It prints an empty line when ready, then the texts per second
for each line ``BATCH SECONDS`` of its input.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice, repeat
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.texts import REPOSITORY, read_texts
from inference.classifier import Classifier
from inference.runtime import HUGE_PAGES
from inference.settings import ModelSettings
from inference.stream_scheduler import NUM_STREAMS


class ModelOnly:
    """The process of `main`, which is idle unless it is measured."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._input, self._output = process.stdin, process.stdout

    def texts_per_s(self, batch: int, duration_s: float) -> float:
        """Classify batches for that long. Raises ValueError if the process has ended."""
        print(batch, duration_s, file=self._input, flush=True)
        return float(self._output.readline() if self._output else "")


@contextmanager
def start_model_only(model: Path, texts: Path) -> Iterator[ModelOnly]:
    """Start the process, with the environment of the service's workers; wait until it is ready."""
    with subprocess.Popen(  # noqa: S603  # all of it is ours
        [sys.executable, "-m", "benchmarks.model_only", str(model), str(texts)],
        cwd=REPOSITORY,
        env=os.environ | HUGE_PAGES | {"ENV_FILE": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdout:
            process.stdout.readline()
        yield ModelOnly(process)  # the end of its input ends it


def main(model: str, path: str) -> None:
    """Measure, line by line, until the input ends."""
    classifier = Classifier.load(Path(model), ModelSettings().chosen_runtime)
    classifier.warm_up().join()
    texts = read_texts(Path(path))

    def texts_per_s(batch: int, duration_s: float) -> float:
        own_texts, done, start_s = cycle(texts), 0, perf_counter()
        while (took_s := perf_counter() - start_s) < duration_s:
            classifier.classify_each(list(islice(own_texts, batch)))
            done += batch
        return done / took_s

    print(flush=True)
    with ThreadPoolExecutor(NUM_STREAMS) as pool:
        for line in sys.stdin:
            batch, duration_s = line.split()
            batches = [len(part) for part in np.array_split(range(int(batch)), NUM_STREAMS)]
            rates = pool.map(texts_per_s, filter(None, batches), repeat(float(duration_s)))
            print(sum(rates), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
