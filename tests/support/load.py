"""Steady load of distinct texts on a service."""

import itertools
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from random import Random

import httpx

from tests.support.database import Row
from tests.support.reconcile import Answered, Tally
from tests.support.server import eventually

CLIENTS = 8
REQUESTS_PER_S = 100
ANSWERS_WITHIN_S = 60  # a killed worker is away for 5 to 10 s
TIMEOUT_S = 20
PAUSE_S = 0.1  # after a refusal or a broken connection
BATCH_SHARE, BATCH_TEXTS = 0.05, (2, 6)
LONG_SHARE, LONG_WORDS, SHORT_WORDS = 0.05, (150, 400), (1, 30)
WORDS = (
    "so",
    "happy",
    "to see",
    "rain, again:",
    "what a day!",
    "nobody told me",
    "\u05e9\u05dc\u05d5\u05dd",
)
EMOJI = ("\N{GRINNING FACE}", "\N{CLOUD WITH RAIN}\ufe0f", "\N{WAVING HAND SIGN}\U0001f3fd")
BUSY = {429, 503}


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer other than 200: its status, the header Retry-After, the body's start."""

    status: int
    retry_after: str | None
    body: str


class Texts:
    """Makes texts that are distinct, also between runs."""

    def __init__(self) -> None:
        self._run = uuid.uuid4().hex[:8]
        self._numbers = itertools.count()

    def make(self, choice: Random) -> str:
        """Return the next text: usually as long as a tweet, sometimes 1,000 characters."""
        length = LONG_WORDS if choice.random() < LONG_SHARE else SHORT_WORDS
        words = choice.choices(WORDS + EMOJI, k=choice.randint(*length))
        return " ".join([f"{self._run}-{next(self._numbers)}", *words])

    def made(self, text: str) -> bool:
        """Return whether a text is of this run."""
        return text.startswith(self._run)


class Load:
    """Clients that post texts to a service, from the context's start to its end or `stop`.

    Refusals and broken connections are survived. ``broken`` counts the latter.
    """

    def __init__(self, url: str, requests_per_s: int = REQUESTS_PER_S, seed: int = 1) -> None:
        self.answers: list[Answered] = []
        self.refusals: list[Refused] = []
        self.broken = 0
        self._texts = Texts()
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(CLIENTS)
        period_s = CLIENTS / requests_per_s
        self._clients = [
            partial(self._post_on, url, period_s, Random(f"{seed}-{client}"))
            for client in range(CLIENTS)
        ]
        self._ends: list[Future[None]] = []

    def __enter__(self) -> "Load":
        self._ends = [self._pool.submit(client) for client in self._clients]
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Wait until every client has ended its last request. Raises the clients' errors."""
        self._stopped.set()
        self._pool.shutdown()
        for end in self._ends:
            end.result()

    def await_answers(self, count: int, deadline_s: float = ANSWERS_WITHIN_S) -> None:
        """Return once this number of further texts was answered 200."""
        goal = len(self.answers) + count
        eventually(lambda: len(self.answers) >= goal, deadline_s)

    def tally(self, rows: Sequence[Row]) -> Tally:
        """Compare the answers of this run with its rows, ignoring rows of other runs."""
        return Tally.of(self.answers, [row for row in rows if self._texts.made(row[1])])

    def unexpected(self) -> list[Refused]:
        """Return the refusals other than 429 and 503 with Retry-After."""
        return [refused for refused in self.refusals if refused.status not in BUSY]

    def _post_on(self, url: str, period_s: float, choice: Random) -> None:
        due_s = time.monotonic() + choice.uniform(0, period_s)
        with httpx.Client(base_url=url, timeout=TIMEOUT_S) as session:
            while not self._stopped.wait(max(0.0, due_s - time.monotonic())):
                due_s = max(due_s + period_s, time.monotonic())
                if not self._post(session, choice):
                    due_s = time.monotonic() + PAUSE_S

    def _post(self, session: httpx.Client, choice: Random) -> bool:
        """Post one text, or several at once; return whether they were answered."""
        try:
            if choice.random() < BATCH_SHARE:
                texts = [self._texts.make(choice) for _ in range(choice.randint(*BATCH_TEXTS))]
                response = session.post("/predict_batch", json={"texts": texts})
            else:
                texts = [self._texts.make(choice)]
                response = session.post("/predict", json={"text": texts[0]})
        except httpx.TransportError:
            self.broken += 1
            return False
        if response.status_code != 200:
            retry_after = response.headers.get("retry-after")
            self.refusals.append(Refused(response.status_code, retry_after, response.text[:500]))
            return False
        prediction_id = response.headers["x-prediction-id"] if len(texts) == 1 else None
        self.answers.extend(Answered(text, prediction_id) for text in texts)
        return True
