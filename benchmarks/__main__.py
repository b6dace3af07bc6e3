"""Run a benchmark: ``python -m benchmarks recording``."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy.exc import SQLAlchemyError

from benchmarks import recording
from benchmarks.comparison import ComparisonError
from benchmarks.settings import read_settings
from benchmarks.texts import TextsError
from benchmarks.writing import WritingError
from db.settings import SettingsError
from inference.model_folder import ModelFolderError

ERRORS = (
    ComparisonError,
    ModelFolderError,
    SettingsError,
    TextsError,
    SQLAlchemyError,
    WritingError,
    subprocess.CalledProcessError,
)


def main(arguments: Sequence[str]) -> int:
    """Measure, print the figures, and write them as JSON; return the exit status.

    Missed goals are no failure of the command: they are to be read.
    """
    settings = read_settings(arguments, os.environ)
    try:
        report = recording.run(settings)
    except ERRORS as error:
        print(error, file=sys.stderr)
        return 1
    path = settings.output / f"{settings.benchmark}.json"
    path.write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    print(f"{report.show()}\n\nAll figures: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
