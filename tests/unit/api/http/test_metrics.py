"""Every path that is served is counted by itself."""

from bentoml._internal.server.http import instruments

from api.contract.openapi import describe
from api.http.metrics import KNOWN_PATHS, BoundedMetrics, use_bounded_metrics
from api.settings import ApiSettings


def test_bentoml_counts_by_ours() -> None:
    use_bounded_metrics()

    assert instruments.RunnerTrafficMetricsMiddleware is BoundedMetrics


def test_all_that_the_page_describes_is_known() -> None:
    assert set(describe(ApiSettings())["paths"]) <= KNOWN_PATHS
