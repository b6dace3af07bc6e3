"""Send tweets steadily to a service that runs, so that its dashboards live: `make replay`."""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import TypeVar

import aiohttp  # BentoML's own client, so it is there wherever the service is
from rich.progress import Progress

from api.settings import ApiSettings, ApiSettingsError
from benchmarks.published import API_PORT_MAPPING, published_url
from benchmarks.stats import percentile
from benchmarks.texts import SAMPLES, TextsError, read_texts
from benchmarks.tweets import tweets
from inference.settings import EnvFileError, EnvironmentSettings
from training.errors import TrainingError

Number = TypeVar("Number", int, float)

MAX_WAITING = 1000
"""Requests without an answer; beyond, the replay waits rather than running out of sockets."""

TIMEOUT_S = 30


class ReplaySettings(EnvironmentSettings):
    """What is sent where, as the environment or `.env` says."""

    dataset: str = ""
    api_port_mapping: str = API_PORT_MAPPING


@dataclass
class Tally:
    """Count what became of the requests; latencies are in milliseconds, as clients see them."""

    latencies_ms: list[float] = field(default_factory=list)
    labels: Counter[str] = field(default_factory=Counter)
    refusals: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def sent(self) -> int:
        """Return how many requests have ended, in whatever way."""
        return len(self.latencies_ms) + self.refusals.total() + self.failures.total()

    def summary(self) -> str:
        """Return all of it in lines."""
        lines = [f"answered {len(self.latencies_ms)} of {self.sent}"]
        if self.latencies_ms:
            p50_ms, p99_ms = (percentile(self.latencies_ms, share) for share in (0.50, 0.99))
            lines.append(f"latency p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms")
        mix = (f"{label} {count}" for label, count in self.labels.most_common())
        lines.append(f"labels: {', '.join(mix) or 'none'}")
        lines += [f"refused with {status}: {count}" for status, count in self.refusals.items()]
        lines += [f"failed by {name}: {count}" for name, count in self.failures.items()]
        return "\n".join(lines)


async def replay(url: str, texts: Sequence[str], rate: float, count: int, tally: Tally) -> None:
    """Send ``count`` texts, ``rate`` a second, whether or not the service keeps up."""
    waiting = asyncio.Semaphore(MAX_WAITING)
    async with aiohttp.ClientSession(
        url,
        headers=_key_header(),
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
    ) as web:

        async def send(text: str) -> None:
            start_s = time.perf_counter()
            try:
                async with web.post("/predict", json={"text": text}) as answer:
                    if answer.status == 200:
                        tally.labels[(await answer.json())["label"]] += 1
                        tally.latencies_ms.append((time.perf_counter() - start_s) * 1000)
                    else:
                        tally.refusals[answer.status] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                tally.failures[type(error).__name__] += 1
            finally:
                waiting.release()

        start_s = time.perf_counter()
        async with asyncio.TaskGroup() as requests:
            for number, text in enumerate(islice(cycle(texts), count)):
                await asyncio.sleep(max(0.0, start_s + number / rate - time.perf_counter()))
                await waiting.acquire()
                requests.create_task(send(text))


async def watched(url: str, texts: Sequence[str], rate: float, count: int, tally: Tally) -> None:
    """Replay, and show how far it is."""
    work = asyncio.create_task(replay(url, texts, rate, count, tally))
    with Progress() as progress:
        task = progress.add_task(f"{rate:g} tweets a second", total=count)
        while not work.done():
            await asyncio.wait([work], timeout=0.5)
            progress.update(task, completed=tally.sent)
    await work


async def is_ready(url: str, within_s: float) -> bool:
    """Wait for a service that is about to start; tell whether it can answer."""
    ends_s = time.monotonic() + within_s
    async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=5)) as web:
        while True:
            try:
                async with web.get("/readyz") as answer:
                    if answer.status == 200:
                        return True
            except (aiohttp.ClientError, TimeoutError):
                pass
            if time.monotonic() > ends_s:
                return False
            await asyncio.sleep(0.5)


def main(words: Sequence[str]) -> int:
    """Replay as the command line says; return 1 where the service answers nothing."""
    try:
        settings = ReplaySettings()
    except EnvFileError as error:
        print(error, file=sys.stderr)
        return 1
    parser = argparse.ArgumentParser(prog="python -m tools.replay", description=__doc__)
    published = published_url(settings.api_port_mapping)
    parser.add_argument("--url", default=published, help="of the service (%(default)s)")
    parser.add_argument("--wait", type=float, default=30.0, help="seconds until it is ready")
    parser.add_argument("--rate", type=_over_0(float), default=20.0, help="tweets a second")
    parser.add_argument("--count", type=_over_0(int), default=2000, help="tweets in all")
    given = parser.parse_args(words)
    tally = Tally()
    try:
        if not asyncio.run(is_ready(given.url, given.wait)):
            print(f"{given.url} is not ready: is the service running there?", file=sys.stderr)
            return 1
        texts = tweets(settings.dataset) if settings.dataset else read_texts(SAMPLES)
        asyncio.run(watched(given.url, texts, given.rate, given.count, tally))
    except (ApiSettingsError, TextsError, TrainingError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
    print(tally.summary())
    return 0 if tally.latencies_ms else 1


def _key_header() -> dict[str, str]:
    keys = ApiSettings().keys
    return {"Authorization": f"Bearer {keys[0]}"} if keys else {}


def _over_0(kind: type[Number]) -> Callable[[str], Number]:
    """Return what reads a number of that kind from the command line."""

    def read(word: str) -> Number:
        value = kind(word)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{word} is not over 0")
        return value

    read.__name__ = kind.__name__  # for argparse's own errors
    return read


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
