"""Train: ``python -m training``."""

import sys

from db.database.engine import make_engine
from db.settings import DatabaseSettings, SettingsError
from training.errors import EXPECTED
from training.files import Files
from training.settings import TrainingSettings


def main() -> int:
    """Run the training flow; return the exit status, 0 also where nothing was improved."""
    try:
        settings, database = TrainingSettings.read(), DatabaseSettings.read()
        if database.has_explicit_database:
            make_engine(database).dispose()  # connects to nothing; raises what would come later
        from training.command import train  # pylint: disable=import-outside-toplevel  # takes 10 s

        train(settings, database, Files())
    except (*EXPECTED, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
