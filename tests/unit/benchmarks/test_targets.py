"""Goals are told from what was measured."""

from benchmarks.targets import Goal


def test_a_goal_is_met_by_its_limit_itself() -> None:
    assert Goal("throughput", 0.95, least=0.95).is_met
    assert Goal("p99", 1.05, most=1.05).is_met


def test_a_missed_goal_is_shown_as_such() -> None:
    assert ("rows/s", "9,999.000", "at least 10,000", "MISSED") == Goal(
        "rows/s", 9_999, least=10_000
    ).show()
    assert ("p99", "1.051", "at most 1.05", "MISSED") == Goal("p99", 1.051, most=1.05).show()
