"""What all training commands share: log lines, progress bars and errors."""

import logging
import sys
from collections.abc import Callable

from training.errors import EXPECTED


def run_command(action: Callable[[], None], *expected: type[Exception]) -> int:
    """Run a command; print an expected error without a traceback. Return the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # the Hub's client logs each request
    caught: tuple[type[Exception], ...] = EXPECTED + expected
    try:
        action()
    except caught as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def hide_progress_bars() -> None:
    """Turn off the progress bars of libraries unless stderr is a terminal."""
    # pylint: disable=import-outside-toplevel  # heavy
    import datasets
    import transformers
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
        disable_progress_bars()
        transformers.utils.logging.disable_progress_bar()
