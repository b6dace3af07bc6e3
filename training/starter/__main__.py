"""Train the starter model: ``python -m training.starter``."""

import logging
import sys

from training.data.dataset import DatasetError, load
from training.settings import DataSettings, SettingError
from training.starter.arguments import read_arguments


def main() -> int:
    """Run the recipe; return the exit status, 1 after naming a setting that cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments = read_arguments(sys.argv[1:])
    try:
        settings = DataSettings.read()
        dataset = load(settings.dataset)
    except (SettingError, DatasetError) as error:
        print(error, file=sys.stderr)
        return 1
    # pylint: disable-next=import-outside-toplevel  # heavy
    from training.starter.build import build, export_again

    if arguments.held_out:
        dataset = dataset.hold_out(arguments.held_out, settings.seed)
    make = export_again if arguments.export_only else build
    facts = make(dataset, arguments.recipe, settings.seed, arguments.folder)
    print(facts.precision_reason())
    return 0


if __name__ == "__main__":
    sys.exit(main())
