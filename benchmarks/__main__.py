"""Run a benchmark: ``python -m benchmarks serving``; ``--help`` lists all."""

import importlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import TemporaryDirectory

from benchmarks.settings import read_settings
from benchmarks.texts import SAMPLES, write_dataset_texts


def main(arguments: Sequence[str]) -> int:
    """Measure, print the results, and write them as JSON; return the exit status.

    Missed targets are no failure.
    """
    settings = read_settings(arguments, os.environ)
    # by name, so that `recording` is measured without torch and its threads in this process
    benchmark = importlib.import_module(f"benchmarks.{settings.benchmark}")
    settings.output.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory() as scratch:
            if settings.dataset and settings.texts == SAMPLES:
                texts = write_dataset_texts(settings.dataset, Path(scratch))
                settings = replace(settings, texts=texts)
            report = benchmark.run(settings)
    except (*benchmark.ERRORS, CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    path = settings.output / f"{settings.benchmark}.json"
    path.write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    print(f"{report.show()}\n\nResults: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
