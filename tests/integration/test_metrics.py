"""The service's own metrics."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.conftest import SERVE
from tests.support.server import READY_TIMEOUT_S, Server, eventually, put_into_store

SHOWN_WITHIN_S = 20


@pytest.fixture(name="server", scope="module")
def fixture_server(
    repository: Path,
    starter: Path,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Start a server of its own: BentoML deletes all metrics in a home folder at each start."""
    folder = tmp_path_factory.mktemp("metrics")
    own = environment | {
        "BENTOML_HOME": str(folder / "bentoml"),
        "DATABASE_URL": f"sqlite:///{folder}/predictions.sqlite3",
        "SPOOL_DIR": str(folder / "spool"),
    }
    put_into_store(starter, own)
    with Server(SERVE, repository, own) as server:
        yield server


def metrics(server: Server) -> dict[str, float]:
    """Return the service's own metrics without labels."""
    families = text_string_to_metric_families(httpx.get(f"{server.url}/metrics").text)
    return {
        sample.name: sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("sentiment_") and not sample.labels
    }


def predict(server: Server) -> None:
    """Record one row."""
    httpx.post(f"{server.url}/predict", json={"text": "counted"}).raise_for_status()


def test_written_rows_are_counted(server: Server) -> None:
    predict(server)
    before = eventually(
        lambda: (shown := metrics(server)).get("sentiment_rows_written_total") and shown,
        SHOWN_WITHIN_S,
    )

    predict(server)
    wanted = before["sentiment_rows_written_total"] + 1
    shown = eventually(
        lambda: (found := metrics(server))["sentiment_rows_written_total"] >= wanted and found,
        SHOWN_WITHIN_S,
    )

    assert {
        "sentiment_spool_rows": 0,
        "sentiment_spool_oldest_age_seconds": 0,
        "sentiment_quarantine_rows": 0,
        "sentiment_rows_quarantined_total": 0,
        "sentiment_rows_retried_total": 0,
    }.items() <= shown.items()
    assert shown["sentiment_flush_seconds_count"] >= 2
    assert 0 < shown["sentiment_flush_seconds_sum"] < 60


@pytest.mark.slow
def test_waiting_rows_and_their_age_are_shown_and_not_twice_after_a_kill(
    repository: Path, environment: dict[str, str], server: Server, tmp_path: Path
) -> None:
    away = {"DATABASE_URL": f"sqlite:///{tmp_path}", "SPOOL_DIR": str(tmp_path / "spool")}

    with Server(server.command, repository, environment | away) as waiting:
        predict(waiting)
        predict(waiting)
        eventually(lambda: metrics(waiting).get("sentiment_spool_rows") == 2, SHOWN_WITHIN_S)
        eventually(
            lambda: metrics(waiting)["sentiment_spool_oldest_age_seconds"] > 1, SHOWN_WITHIN_S
        )
        assert metrics(waiting)["sentiment_rows_retried_total"] >= 2
        assert 200 == httpx.get(f"{waiting.url}/readyz").status_code

        for worker in waiting.processes()[1:]:
            worker.kill()
            worker.wait(10)
        eventually(lambda: is_ready(waiting), READY_TIMEOUT_S)
        eventually(lambda: metrics(waiting).get("sentiment_spool_rows") == 2, SHOWN_WITHIN_S)

        assert "took over 2 spooled row(s)" in waiting.log


def is_ready(server: Server) -> bool:
    """Return whether a worker is ready."""
    try:
        return httpx.get(f"{server.url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
