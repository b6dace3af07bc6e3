"""Send tweets to a running service at a steady rate, to fill its dashboards: `make replay`."""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import TypeVar

import aiohttp  # a dependency of BentoML
from rich.progress import Progress

from api.settings import ApiSettings, ApiSettingsError
from benchmarks.stats import percentile
from benchmarks.texts import SAMPLES, TextsError, dataset_texts, read_texts
from inference.settings import EnvFileError, EnvironmentSettings
from training.errors import TrainingError

Number = TypeVar("Number", int, float)

MAX_OPEN_REQUESTS = 1000
"""Beyond, the replay waits for answers, so that it does not run out of sockets."""

REQUEST_TIMEOUT_S = 30
API_PORT_MAPPING = "127.0.0.1:3000:3000"
"""The default of API_PORT_MAPPING in docker-compose.yml."""

ANY_ADDRESS = ("", "0.0.0.0", "[::]")  # noqa: S104  # nothing listens here


class ReplaySettings(EnvironmentSettings):
    """The dataset, and where compose publishes the service."""

    dataset: str = ""
    api_port_mapping: str = API_PORT_MAPPING


@dataclass
class ReplayResult:
    """Counts of answers by label, refusals by status and failures by error; client latencies."""

    latencies_ms: list[float] = field(default_factory=list)
    labels: Counter[str] = field(default_factory=Counter)
    refusals: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def completed(self) -> int:
        """Return the number of completed requests, failed ones included."""
        return len(self.latencies_ms) + self.refusals.total() + self.failures.total()

    def summary(self) -> str:
        """Return the counts as lines of text."""
        lines = [f"answered {len(self.latencies_ms)} of {self.completed}"]
        if self.latencies_ms:
            p50_ms, p99_ms = (percentile(self.latencies_ms, share) for share in (0.50, 0.99))
            lines.append(f"latency p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms")
        labels = (f"{label} {count}" for label, count in self.labels.most_common())
        lines.append(f"labels: {', '.join(labels) or 'none'}")
        lines += [f"refused with {status}: {count}" for status, count in self.refusals.items()]
        lines += [f"failed with {name}: {count}" for name, count in self.failures.items()]
        return "\n".join(lines)


async def replay(
    url: str, texts: Sequence[str], rate: float, count: int, result: ReplayResult
) -> None:
    """Send ``count`` texts, ``rate`` per second, even if the service does not keep up."""
    slots = asyncio.Semaphore(MAX_OPEN_REQUESTS)
    async with aiohttp.ClientSession(
        url,
        headers=_key_header(),
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
    ) as session:

        async def send(text: str) -> None:
            start_s = time.perf_counter()
            try:
                async with session.post("/predict", json={"text": text}) as answer:
                    if answer.status == 200:
                        result.labels[(await answer.json())["label"]] += 1
                        result.latencies_ms.append((time.perf_counter() - start_s) * 1000)
                    else:
                        result.refusals[answer.status] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                result.failures[type(error).__name__] += 1
            finally:
                slots.release()

        start_s = time.perf_counter()
        async with asyncio.TaskGroup() as requests:
            for number, text in enumerate(islice(cycle(texts), count)):
                await asyncio.sleep(max(0.0, start_s + number / rate - time.perf_counter()))
                await slots.acquire()
                requests.create_task(send(text))


async def replay_with_progress(
    url: str, texts: Sequence[str], rate: float, count: int, result: ReplayResult
) -> None:
    """Replay, and show a progress bar."""
    work = asyncio.create_task(replay(url, texts, rate, count, result))
    with Progress() as progress:
        task = progress.add_task(f"{rate:g} tweets per second", total=count)
        while not work.done():
            await asyncio.wait([work], timeout=0.5)
            progress.update(task, completed=result.completed)
    await work


async def wait_until_ready(url: str, timeout_s: float) -> bool:
    """Wait for `/readyz`; return whether it was 200 within the timeout."""
    end_s = time.monotonic() + timeout_s
    async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=5)) as session:
        while True:
            try:
                async with session.get("/readyz") as answer:
                    if answer.status == 200:
                        return True
            except (aiohttp.ClientError, TimeoutError):
                pass
            if time.monotonic() > end_s:
                return False
            await asyncio.sleep(0.5)


def published_url(mapping: str) -> str:
    """Return the URL of a port mapping of compose, ``[ADDRESS:]PORT:CONTAINER_PORT``."""
    published, _, _ = mapping.rpartition(":")
    address, _, port = published.rpartition(":")
    return f"http://{'localhost' if address in ANY_ADDRESS else address}:{port}"


def main(words: Sequence[str]) -> int:
    """Replay; return the exit status, 1 if nothing was answered."""
    try:
        settings = ReplaySettings()
    except EnvFileError as error:
        print(error, file=sys.stderr)
        return 1
    given = _parser(published_url(settings.api_port_mapping)).parse_args(words)
    result = ReplayResult()
    try:
        if not asyncio.run(wait_until_ready(given.url, given.wait)):
            print(f"{given.url} is not ready: is the service running there?", file=sys.stderr)
            return 1
        texts = dataset_texts(settings.dataset) if settings.dataset else read_texts(SAMPLES)
        asyncio.run(replay_with_progress(given.url, texts, given.rate, given.count, result))
    except (ApiSettingsError, TextsError, TrainingError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
    print(result.summary())
    return 0 if result.latencies_ms else 1


def _parser(default_url: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.replay", description=__doc__)
    parser.add_argument("--url", default=default_url, help="of the service (%(default)s)")
    parser.add_argument("--wait", type=float, default=30.0, help="seconds to wait until ready")
    parser.add_argument("--rate", type=_positive(float), default=20.0, help="tweets per second")
    parser.add_argument("--count", type=_positive(int), default=2000, help="number of tweets")
    return parser


def _key_header() -> dict[str, str]:
    keys = ApiSettings().keys
    return {"Authorization": f"Bearer {keys[0]}"} if keys else {}


def _positive(kind: type[Number]) -> Callable[[str], Number]:
    """Return a parser of positive numbers for argparse."""

    def parse(word: str) -> Number:
        value = kind(word)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{word} is not positive")
        return value

    parse.__name__ = kind.__name__  # for argparse's own errors
    return parse


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
