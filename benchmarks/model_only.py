"""The model without a service: what no service can exceed.

``python -m benchmarks.model_only MODEL TEXTS`` classifies batches of real texts in a loop, in as
many threads as passes run side by side, each of which has its share of the batch. Once it is ready
it prints an empty line, then for each line ``BATCH SECONDS`` on its input how many texts it did per
second.
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

from benchmarks.texts import read_texts
from inference.classifier import Classifier
from inference.runtime import HUGE_PAGES
from inference.settings import ModelSettings
from inference.stream_scheduler import NUM_STREAMS

REPOSITORY = Path(__file__).parent.parent


class BareLoop:
    """The loop in a process of its own, which rests while it is not asked."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._questions, self._answers = process.stdin, process.stdout

    def texts_per_s(self, batch: int, duration_s: float) -> float:
        """Classify batches of so many texts for so long. Raises ValueError where it has ended."""
        print(batch, duration_s, file=self._questions, flush=True)
        return float(self._answers.readline() if self._answers else "")


@contextmanager
def bare_loop(model: Path, texts: Path) -> Iterator[BareLoop]:
    """Start the loop as the service starts its workers, and wait until it is ready to begin."""
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
        yield BareLoop(process)  # the end of its input ends it


def main(model: str, path: str) -> None:
    """Answer line by line until the input ends."""
    classifier = Classifier.load(Path(model), ModelSettings().chosen_runtime)
    classifier.warm_up().join()
    texts = read_texts(Path(path))

    def texts_per_s(share: int, duration_s: float) -> float:
        mine, done, start_s = cycle(texts), 0, perf_counter()
        while (took_s := perf_counter() - start_s) < duration_s:
            classifier.classify_each(list(islice(mine, share)))
            done += share
        return done / took_s

    print(flush=True)
    with ThreadPoolExecutor(NUM_STREAMS) as pool:
        for line in sys.stdin:
            batch, duration_s = line.split()
            shares = [len(share) for share in np.array_split(range(int(batch)), NUM_STREAMS)]
            rates = pool.map(texts_per_s, filter(None, shares), repeat(float(duration_s)))
            print(sum(rates), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
