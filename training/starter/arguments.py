"""What the command line asks of the starter's training."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.starter.hyperparameters import StarterHyperparameters

DEFAULT_FOLDER = Path("models/starter")


@dataclass(frozen=True)
class Arguments:
    """Where the model goes, the recipe, and how many rows of train it is judged on.

    None of them are held out for that by default: then it is judged on the split validation. If
    ``export_only``, the trained weights in the folder are exported again.
    """

    folder: Path
    held_out: int
    recipe: StarterHyperparameters
    export_only: bool = False


def read_arguments(arguments: Sequence[str]) -> Arguments:
    """Read the command line."""
    given = _parser().parse_args(arguments)
    recipe = StarterHyperparameters(
        train_size=given.train_size,
        vocabulary_size=given.vocabulary_size,
        threads=given.threads,
        pretraining=replace(StarterHyperparameters.pretraining, epochs=given.pretraining_epochs),
        finetuning=replace(StarterHyperparameters.finetuning, epochs=given.finetuning_epochs),
        teacher_share=given.teacher_share,
    )
    return Arguments(given.output, given.held_out, recipe, given.export_only)


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
        help="evaluate on N rows kept out of train, and leave validation alone: "
        "for choosing among recipes",
    )
    parser.add_argument(
        "--export-only",
        action="store_true",
        help="train nothing: export and measure the weights that are in the folder",
    )
    for flag, kind, default, meaning in (
        (
            "--train-size",
            int,
            StarterHyperparameters.train_size,
            "train on so many rows (default: all)",
        ),
        ("--vocabulary-size", int, StarterHyperparameters.vocabulary_size, "tokens (%(default)s)"),
        (
            "--threads",
            int,
            StarterHyperparameters.threads,
            "part of what makes a run repeatable (%(default)s)",
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
