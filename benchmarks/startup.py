"""How long services take from their start until they are ready."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from benchmarks.servers import Server
from benchmarks.stats import Spread

Start: TypeAlias = Callable[[Path], AbstractContextManager[Server]]
"""Makes a folder, and serves in it until the context ends."""


def time_starts(services: Mapping[str, Start], times: int, folder: Path) -> dict[str, Spread]:
    """Start each so many times, in turn, one at a time; return the seconds until it was ready."""
    seconds: dict[str, list[float]] = {name: [] for name in services}
    for _ in range(times):
        for name, start in services.items():
            with TemporaryDirectory(dir=folder) as scratch, start(Path(scratch) / "it") as server:
                seconds[name].append(server.ready_after_s)
            print(f"{name:12}  ready after {seconds[name][-1]:.1f} s", flush=True)
    return {name: Spread.of(each) for name, each in seconds.items()}
