"""BentoML's application has our batcher, metrics and log lines."""

import pytest
from bentoml._internal.server import http_app

from api.http.log import REQUEST_ID
from api.http.openapi import openapi_document
from api.settings import ApiSettings
from patches.bentoml_app import KNOWN_PATHS, REQUEST_ID_FILTER


def test_all_documented_paths_have_metrics_of_their_own() -> None:
    assert set(openapi_document(ApiSettings())["paths"]) <= KNOWN_PATHS


def test_bentoml_logs_exceptions_with_the_id_of_the_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = REQUEST_ID.set("an-id")
    http_app.logger.addFilter(REQUEST_ID_FILTER)

    http_app.logger.error("Exception on %s", "/predict")

    REQUEST_ID.reset(token)
    assert ["request an-id: Exception on /predict"] == caplog.messages
