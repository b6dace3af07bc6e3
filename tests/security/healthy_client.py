"""A client that means well."""

import threading

import httpx

PAUSE_S = 0.05
PATIENCE_S = 30


class Honest:
    """Post short texts one after the other, on new connections, while the context lasts."""

    def __init__(self, url: str, key: str) -> None:
        self.statuses: list[int] = []
        self._url, self._key = url, key
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> "Honest":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self.statuses or not self._is_over.wait(PAUSE_S):
            self.statuses.append(self._status())

    def _status(self) -> int:
        try:
            return httpx.post(
                f"{self._url}/predict",
                json={"text": "a tweet from next door"},
                headers={"X-API-Key": self._key},
                timeout=PATIENCE_S,
            ).status_code
        except httpx.TransportError:
            return 0
