"""Where data sets and models come from: a repository on the Hub, or a local folder."""

from pathlib import Path


def source_name(source: str) -> str:
    """Return the source without the folders above it, which differ between machines."""
    return Path(source).resolve().name if Path(source).exists() else source
