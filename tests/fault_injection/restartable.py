"""A service that can be restarted on the same port, spool and database."""

from pathlib import Path

from tests.support.server import BENTOML, Server, free_port

GRACE_S = 15
STOP_WITHIN_S = GRACE_S + 5
SERVE = [BENTOML, "serve", "--port", "{port}", "--timeout-graceful-shutdown", str(GRACE_S)]


class Service:
    """A service and its environment variables."""

    def __init__(self, cwd: Path, environment: dict[str, str]) -> None:
        self._cwd = cwd
        self._environment = environment
        self._port = free_port()
        self._server: Server | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        self.spool = Path(environment["SPOOL_DIR"])

    def serve(self) -> Server:
        """Start it; the context begins when it is ready and ends with SIGKILL."""
        self._server = Server(SERVE, self._cwd, self._environment, self._port)
        return self._server

    def stop(self) -> int:
        """Stop the last start with SIGTERM; return its exit status."""
        assert self._server is not None
        return self._server.terminate(STOP_WITHIN_S)
