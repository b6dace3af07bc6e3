"""Train the starter model: ``python -m training.starter``."""

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.data.dataset import DatasetError, load
from training.settings import DataSettings, SettingError
from training.starter.hyperparameters import StarterHyperparameters

DEFAULT_FOLDER = Path("models/starter")


@dataclass(frozen=True)
class Arguments:
    """The command line: output folder, hyperparameters, and rows of train to evaluate on.

    If ``held_out`` is 0, validation is evaluated on. ``export_only`` exports the trained weights in
    the folder again.
    """

    folder: Path
    held_out: int
    hyperparameters: StarterHyperparameters
    export_only: bool = False


def read_arguments(arguments: Sequence[str]) -> Arguments:
    """Read the command line."""
    given = _parser().parse_args(arguments)
    hyperparameters = StarterHyperparameters(
        train_size=given.train_size,
        vocabulary_size=given.vocabulary_size,
        threads=given.threads,
        pretraining=replace(StarterHyperparameters.pretraining, epochs=given.pretraining_epochs),
        finetuning=replace(StarterHyperparameters.finetuning, epochs=given.finetuning_epochs),
        teacher_share=given.teacher_share,
    )
    return Arguments(given.output, given.held_out, hyperparameters, given.export_only)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.starter",
        description="Train the starter model from scratch. DATASET (Hub id or local folder) "
        "and SEED are read from the environment.",
    )
    parser.add_argument(
        "--output", type=Path, default=DEFAULT_FOLDER, help="folder to write (%(default)s)"
    )
    parser.add_argument(
        "--held-out",
        type=int,
        default=0,
        metavar="N",
        help="evaluate on N rows held out of train instead of validation, to tune hyperparameters",
    )
    parser.add_argument(
        "--export-only",
        action="store_true",
        help="do not train: export and evaluate the weights in the folder",
    )
    for flag, kind, default, meaning in (
        (
            "--train-size",
            int,
            StarterHyperparameters.train_size,
            "rows to train on (default: all)",
        ),
        ("--vocabulary-size", int, StarterHyperparameters.vocabulary_size, "tokens (%(default)s)"),
        (
            "--threads",
            int,
            StarterHyperparameters.threads,
            "CPU threads; runs are reproducible for the same number (%(default)s)",
        ),
        ("--pretraining-epochs", float, StarterHyperparameters.pretraining.epochs, "(%(default)s)"),
        ("--finetuning-epochs", float, StarterHyperparameters.finetuning.epochs, "(%(default)s)"),
        (
            "--teacher-share",
            float,
            StarterHyperparameters.teacher_share,
            "0 trains no teacher (%(default)s)",
        ),
    ):
        parser.add_argument(flag, type=kind, default=default, metavar="N", help=meaning)
    return parser


def main() -> int:
    """Train the starter; return the exit status, 1 for an invalid setting."""
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
    report = make(dataset, arguments.hyperparameters, settings.seed, arguments.folder)
    print(report.precision_reason())
    return 0


if __name__ == "__main__":
    sys.exit(main())
