"""The `.env` that settings are read from, and its error as BentoML's command line shows it."""

from pathlib import Path

from bentoml.exceptions import BentoMLConfigException

from env_file.check import env_file_problem


class EnvFileError(BentoMLConfigException):  # BentoML's command line prints its own plainly
    """A `.env` cannot be read as a whole; the text shows none of it."""

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path} {problem}. {remedy}.")


def check_env_file(path: Path) -> None:
    """Check a `.env`, if there is such a file. Raises EnvFileError."""
    if (found := env_file_problem(path)) is not None:
        raise EnvFileError(path, *found)
