"""The HTTP contract of a real `bentoml serve`."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import bentoml
import httpx
import numpy as np
import pytest

from db.prediction import timestamp_of
from inference.classifier import Classifier
from inference.reference_predictions import SCORE_BOUNDS
from tests.support.broken_models import POISON
from tests.support.rows import Rows
from tests.support.server import BENTOML, Server, put_into_store


def predict(server: Server, text: str) -> httpx.Response:
    """Post one text."""
    return httpx.post(f"{server.url}/predict", json={"text": text}, timeout=30)


def predict_batch(server: Server, texts: list[str]) -> httpx.Response:
    """Post several texts in one request."""
    return httpx.post(f"{server.url}/predict_batch", json={"texts": texts}, timeout=60)


def assert_nothing_was_recorded_of(text: str, server: Server, rows: Rows) -> None:
    """Check that a text has no row once a later prediction has its row."""
    later = f"after {text}"
    predict(server, later)
    rows.awaited([later])
    assert [] == rows.of_text(text)


async def predict_at_once(server: Server, texts: list[str], clients: int) -> list[httpx.Response]:
    """Post each text by itself, over ``clients`` connections; return the responses in order."""
    queue = list(enumerate(texts))
    answers: dict[int, httpx.Response] = {}
    async with httpx.AsyncClient(timeout=60) as session:

        async def work() -> None:
            while queue:
                position, text = queue.pop()
                answers[position] = await session.post(f"{server.url}/predict", json={"text": text})

        await asyncio.gather(*(work() for _ in range(clients)))
    return [answers[position] for position in range(len(texts))]


def test_a_prediction_has_label_score_and_latency(server: Server) -> None:
    response = predict(server, "Beautiful post!!!")

    answer = response.json()
    assert (200, {"label", "score", "latency_ms"}) == (response.status_code, set(answer))
    assert "positive" == answer["label"]
    assert 1 / 3 < answer["score"] <= 1
    assert 0 < answer["latency_ms"] < 30_000


def test_the_row_of_a_prediction_equals_the_response(server: Server, rows: Rows) -> None:
    text = "one row, please 😀 \u05d0"
    before = datetime.now(UTC).replace(tzinfo=None)

    response = predict(server, text)

    (row,) = rows.awaited([text])
    answer = response.json()
    assert response.headers["x-prediction-id"] == str(UUID(row["id"]))
    assert (answer["label"], answer["score"], answer["latency_ms"]) == (
        row["label"],
        row["confidence"],
        row["latency_ms"],
    )
    assert abs(datetime.fromisoformat(row["timestamp"]) - before) < timedelta(seconds=60)
    assert timestamp_of(UUID(row["id"])) == datetime.fromisoformat(row["timestamp"])
    assert httpx.get(f"{server.url}/model").json()["tag"] == row["model_tag"]
    assert 1 == row["batch_size"]


def test_a_batch_returns_all_scores_in_the_order_of_the_texts(
    server: Server, classifier: Classifier, tweets: list[str], rows: Rows
) -> None:
    texts = [f"{tweet} (batch)" for tweet in tweets[:128]]

    response = predict_batch(server, texts)

    answers = response.json()
    scores = [[answer["scores"][label] for label in classifier.labels] for answer in answers]
    assert 200 == response.status_code
    assert np.abs(classifier.classify(texts) - np.array(scores)).max() <= SCORE_BOUNDS["int8"]
    assert all(answer["scores"][answer["label"]] == answer["score"] for answer in answers)
    recorded = rows.awaited(texts)
    assert 1 == len({row["latency_ms"] for row in recorded})
    assert [str(UUID(row["id"])) for row in recorded] == [a["prediction_id"] for a in answers]


def test_a_truncated_text_is_marked_in_response_and_row(server: Server, rows: Rows) -> None:
    short, long = "read to its end", "a long story, " * 300

    single = [predict(server, f"{text}!").headers.get("x-truncated") for text in (short, long)]
    batch = predict_batch(server, [long, short, f"{long} again"]).json()

    assert [None, "true"] == single
    assert [True, False, True] == [answer["truncated"] for answer in batch]
    texts = [f"{short}!", f"{long}!", long, short, f"{long} again"]
    assert [0, 1, 1, 0, 1] == [row["truncated"] for row in rows.awaited(texts)]


def test_one_invalid_text_rejects_the_whole_batch_and_records_none(
    server: Server, rows: Rows
) -> None:
    response = predict_batch(server, ["fine, but not recorded", ""])

    assert (400, ["texts", 1]) == (response.status_code, response.json()["detail"][0]["loc"])
    assert_nothing_was_recorded_of("fine, but not recorded", server, rows)


def test_64_concurrent_clients_get_the_predictions_of_their_own_texts(
    server: Server, classifier: Classifier, tweets: list[str], rows: Rows
) -> None:
    texts = [f"{tweet} #{number}" for number, tweet in enumerate(tweets * 4)]

    responses = asyncio.run(predict_at_once(server, texts, clients=64))

    assert {200} == {response.status_code for response in responses}
    expected = classifier.classify(texts)
    batch_sizes = []
    recorded = rows.awaited(texts)
    for response, row, text, stored in zip(responses, expected, texts, recorded, strict=True):
        answer = response.json()
        score = row[classifier.labels.index(answer["label"])]
        assert abs(score - answer["score"]) <= SCORE_BOUNDS["int8"], text
        assert row.max() - score <= 2 * SCORE_BOUNDS["int8"], text
        assert response.headers["x-prediction-id"] == str(UUID(stored["id"]))
        batch_sizes.append(stored["batch_size"])
    assert max(batch_sizes) > 1  # concurrent requests share forward passes


def test_served_labels_of_real_tweets_equal_those_of_the_classifier(
    server: Server, classifier: Classifier, validation_tweets: list[str]
) -> None:
    with httpx.Client() as session:
        served = [
            session.post(f"{server.url}/predict", json={"text": text}).json()["label"]
            for text in validation_tweets
        ]

    direct = [classifier.labels[classifier.classify([t])[0].argmax()] for t in validation_tweets]
    assert direct == served


def test_bentomls_own_client_predicts(server: Server) -> None:
    with bentoml.SyncHTTPClient(server.url) as client:
        answer = client.predict(text="Beautiful post!!!")
        answers = client.predict_batch(texts=["Beautiful post!!!", "Lost my keys."])

    assert "positive" == answer["label"]
    assert "positive" == answers[0]["label"]
    assert 2 == len({answer["prediction_id"] for answer in answers})
    fields = {"prediction_id", "label", "score", "scores", "truncated"}
    assert [fields, fields] == [set(answer) for answer in answers]


def test_the_model_endpoint_describes_the_starter(server: Server) -> None:
    response = httpx.get(f"{server.url}/model")

    description = response.json()
    assert 200 == response.status_code
    assert ("starter", "openvino", "int8") == tuple(
        description[key] for key in ("origin", "runtime", "precision")
    )
    assert ["negative", "neutral", "positive"] == description["labels"]
    assert 0 < description["metrics"]["accuracy"] < 1
    assert description["tag"].startswith("sentiment:")
    assert datetime.fromisoformat(description["created_at"]).tzinfo is not None


@pytest.mark.slow
def test_the_torch_runtime_serves_the_same_labels(  # pylint: disable=too-many-arguments,too-many-positional-arguments  # fixtures
    repository: Path,
    starter: Path,
    server: Server,
    environment: dict[str, str],
    tmp_path: Path,
    tweets: list[str],
) -> None:
    texts = tweets[:128]
    pytest.importorskip("transformers", reason="the training group is not installed")
    with_torch = environment | {"RUNTIME": "torch", "BENTOML_HOME": str(tmp_path)}
    put_into_store(starter, with_torch)

    with Server([BENTOML, "serve", "--port", "{port}"], repository, with_torch) as other:
        found = predict_batch(other, texts).json()
        description = httpx.get(f"{other.url}/model").json()

    expected = predict_batch(server, texts).json()
    agreeing = [one["label"] == two["label"] for one, two in zip(expected, found, strict=True)]
    assert 0.95 < np.mean(agreeing)
    assert ("torch", "fp32") == (description["runtime"], description["precision"])


def test_the_openapi_document_has_an_example_of_a_text(server: Server) -> None:
    page = httpx.get(f"{server.url}/docs.json").json()

    text = page["components"]["schemas"]["PredictRequest"]["properties"]["text"]
    assert ("string", "Beautiful post!!!") == (text["type"], text["example"])
    assert {"/predict", "/predict_batch", "/model"} < set(page["paths"])


@pytest.mark.parametrize(
    ("request_line", "body", "media_type", "status"),
    [
        ("POST /predict", b"{", "application/json", 400),
        ("POST /predict", b'{"text": ""}', "application/json", 400),
        ("POST /predict", b'{"text": "a", "x": 1}', "application/json", 400),
        ("POST /nowhere", b"{}", "application/json", 404),
        ("GET /predict", b"", "application/json", 405),
        ("POST /model", b"{}", "application/json", 405),
        ("POST /predict", b" " * (1 << 20) + b"{}", "application/json", 413),
        ("POST /predict", b"text=fine", "application/x-www-form-urlencoded", 415),
        ("POST /predict", b"", "application/vnd.bentoml+pickle", 415),
    ],
)
def test_an_invalid_request_gets_a_json_error_and_the_service_goes_on(
    server: Server, request_line: str, body: bytes, media_type: str, status: int
) -> None:
    method, path = request_line.split()
    headers = {"Content-Type": media_type}

    response = httpx.request(method, server.url + path, content=body, headers=headers)

    assert status == response.status_code
    assert isinstance(response.json()["error"], str)
    assert 200 == predict(server, "still there?").status_code


def test_a_text_that_fails_in_the_runtime_fails_alone(
    faulty_server: Server, tweets: list[str], rows: Rows
) -> None:
    texts = [f"{tweet} among failures" for tweet in tweets]
    poisoned = [f"a {POISON} number {number}" for number in range(10)]
    mixed = [*texts[:70], *poisoned, *texts[70:]]

    responses = asyncio.run(predict_at_once(faulty_server, mixed, clients=64))

    by_text = dict(zip(mixed, responses, strict=True))
    assert {200} == {by_text[text].status_code for text in texts}
    assert {500} == {by_text[text].status_code for text in poisoned}
    assert {"error": "the model failed on this text"} == by_text[poisoned[0]].json()
    assert len(texts) == len(rows.awaited(texts))
    assert not any(rows.of_text(text) for text in poisoned)


@pytest.mark.parametrize(
    ("path", "body"), [("/predict", {"text": POISON}), ("/predict_batch", {"texts": [POISON]})]
)
def test_a_failure_is_logged_with_its_request_id(
    faulty_server: Server, path: str, body: dict[str, str]
) -> None:
    name = f"failing-in{path.replace('/', '-')}"

    httpx.post(f"{faulty_server.url}{path}", json=body, headers={"X-Request-Id": name})

    assert f"request {name}: the model failed on a text" in faulty_server.log


def test_a_batch_with_a_failing_text_is_rejected_with_its_index(
    faulty_server: Server, rows: Rows
) -> None:
    response = predict_batch(faulty_server, ["a healthy neighbor", f"a {POISON}"])

    assert (500, ["texts", 1]) == (response.status_code, response.json()["detail"][0]["loc"])
    assert "texts.1: the model failed on this text" == response.json()["error"]
    assert_nothing_was_recorded_of("a healthy neighbor", faulty_server, rows)


def test_a_prediction_that_cannot_be_recorded_is_not_answered_200(
    repository: Path, environment: dict[str, str], server: Server, tmp_path: Path
) -> None:
    away = {"DATABASE_URL": f"sqlite:///{tmp_path}", "SPOOL_DIR": str(tmp_path / "spool")}

    with Server(server.command, repository, environment | away | {"SPOOL_MAX_ROWS": "1"}) as full:
        first = predict(full, "fine")
        single = predict(full, "fine")
        batch = predict_batch(full, ["fine"])
        readiness = httpx.get(f"{full.url}/readyz")

    assert [200, 503, 503, 503] == [
        response.status_code for response in (first, single, batch, readiness)
    ]
    assert "1" == single.headers["retry-after"]
    assert "could not be recorded" in single.json()["error"]
    assert "the spool is full: it holds 1 rows at most" in single.json()["error"]
    assert str(tmp_path) not in single.text
