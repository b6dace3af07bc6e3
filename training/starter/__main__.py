"""Train the starter model: ``python -m training.starter``."""

import logging
import sys

from training.dataset import DatasetError, load
from training.settings import DataSettings
from training.starter.settings import SettingError, read_settings


def main() -> int:
    """Run the recipe; return the exit status, 1 after naming a setting that cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        given = DataSettings()
        settings = read_settings(sys.argv[1:], {"DATASET": given.dataset, "SEED": given.seed})
        dataset = load(settings.dataset)
    except (SettingError, DatasetError) as error:
        print(error, file=sys.stderr)
        return 1
    from training.starter.build import build  # pylint: disable=import-outside-toplevel  # heavy

    if settings.held_out:
        dataset = dataset.hold_out(settings.held_out, settings.seed)
    facts = build(dataset, settings.recipe, settings.seed, settings.folder)
    print(facts.precision_reason())
    return 0


if __name__ == "__main__":
    sys.exit(main())
