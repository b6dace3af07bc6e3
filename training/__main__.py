"""Train: ``python -m training``."""

import sys

from training.errors import EXPECTED
from training.files import Files
from training.settings import TrainingSettings


def main() -> int:
    """Run the training flow; return the exit status, 0 also where nothing was improved."""
    try:
        settings = TrainingSettings.read()
        from training.command import train  # pylint: disable=import-outside-toplevel  # takes 10 s

        train(settings, Files())
    except EXPECTED as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
