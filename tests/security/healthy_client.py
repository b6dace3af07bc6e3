"""A client that sends valid requests at a moderate rate."""

import threading

import httpx

PAUSE_S = 0.05
TIMEOUT_S = 30


class HealthyClient:
    """Post short texts one after the other, each on a new connection, while the context lasts."""

    def __init__(self, url: str, key: str) -> None:
        self.statuses: list[int] = []
        self._url, self._key = url, key
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "HealthyClient":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self.statuses or not self._stop.wait(PAUSE_S):
            self.statuses.append(self._status())

    def _status(self) -> int:
        try:
            return httpx.post(
                f"{self._url}/predict",
                json={"text": "a tweet of another client"},
                headers={"X-API-Key": self._key},
                timeout=TIMEOUT_S,
            ).status_code
        except httpx.TransportError:
            return 0
