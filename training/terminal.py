"""Progress bars where somebody can see them, and nowhere else."""

import sys


def has_terminal() -> bool:
    """Tell whether somebody can watch a progress bar, which is drawn on the error stream."""
    return sys.stderr.isatty()


def hide_bars_without_terminal() -> None:
    """Keep the libraries' progress bars out of logs, for as long as this process runs."""
    # pylint: disable=import-outside-toplevel  # heavy: most who ask for a terminal need none of them
    import datasets
    import transformers
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not has_terminal():
        datasets.disable_progress_bars()
        disable_progress_bars()  # of the Hub's client
        transformers.utils.logging.disable_progress_bar()
