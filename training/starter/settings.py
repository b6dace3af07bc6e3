"""What a run of the starter's training is told from outside."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.dataset import DEFAULT_SOURCE
from training.starter.recipe import Recipe

DEFAULT_SEED = 42
DEFAULT_FOLDER = Path("models/starter")


@dataclass(frozen=True)
class Settings:
    """Hold the settings of one run, read once."""

    dataset: str
    seed: int
    folder: Path
    held_out: int
    recipe: Recipe


class SettingError(ValueError):
    """Tell that an environment variable has a value that cannot be used."""

    def __init__(self, name: str, value: str, remedy: str) -> None:
        super().__init__(f"{name}={value!r} cannot be used: {remedy}")


def read_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read DATASET and SEED from the environment, and the rest from the command line.

    Raises SettingError for a SEED that is no whole number of at least 0.
    """
    given = _parser().parse_args(arguments)
    recipe = Recipe(
        train_size=given.train_size,
        vocabulary_size=given.vocabulary_size,
        threads=given.threads,
        pretraining=replace(Recipe.pretraining, epochs=given.pretraining_epochs),
        finetuning=replace(Recipe.finetuning, epochs=given.finetuning_epochs),
        teacher_share=given.teacher_share,
    )
    return Settings(
        dataset=environment.get("DATASET") or DEFAULT_SOURCE,
        seed=_seed(environment.get("SEED") or str(DEFAULT_SEED)),
        folder=given.output,
        held_out=given.held_out,
        recipe=recipe,
    )


def _seed(value: str) -> int:
    if not value.isdecimal():
        raise SettingError("SEED", value, "set it to a whole number of at least 0")
    return int(value)


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
    for flag, kind, default, meaning in (
        ("--train-size", int, Recipe.train_size, "train on so many rows (default: all)"),
        ("--vocabulary-size", int, Recipe.vocabulary_size, "tokens (%(default)s)"),
        ("--threads", int, Recipe.threads, "part of what makes a run repeatable (%(default)s)"),
        ("--pretraining-epochs", float, Recipe.pretraining.epochs, "(%(default)s)"),
        ("--finetuning-epochs", float, Recipe.finetuning.epochs, "(%(default)s)"),
        ("--teacher-share", float, Recipe.teacher_share, "0 trains no teacher (%(default)s)"),
    ):
        parser.add_argument(flag, type=kind, default=default, metavar="N", help=meaning)
    return parser
