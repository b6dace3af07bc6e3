"""How many texts may be in flight, and when it is worth to come again."""

from contextlib import ExitStack

import pytest

from api.admission import Admission


class Clock:
    """A clock that stands until it is moved."""

    now_s = 100.0

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return self.now_s


@pytest.fixture(name="clock")
def fixture_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Put a clock of our own in place of the system's."""
    clock = Clock()
    monkeypatch.setattr("api.admission.time", clock)
    return clock


def test_there_is_room_up_to_the_bound_and_again_once_texts_have_left() -> None:
    admission = Admission(most=10)

    with admission.working_on(8):
        during = [admission.has_room(2), admission.has_room(3)]

    assert [True, False] == during
    assert admission.has_room(10)


def test_texts_leave_when_their_work_fails() -> None:
    admission = Admission(most=1)

    with pytest.raises(ValueError, match="broken"), admission.working_on(1):
        raise ValueError("broken")

    assert admission.has_room(1)


def test_whoever_is_refused_is_told_how_long_the_others_take(clock: Clock) -> None:
    admission = Admission(most=100)
    with ExitStack() as stack:
        stack.enter_context(admission.working_on(90))
        for _ in range(20):  # ten texts leave per second
            clock.now_s += 0.1
            with admission.working_on(1):
                pass

        assert 9 == admission.retry_after_s()


def test_nobody_is_told_to_stay_away_for_more_than_a_minute(clock: Clock) -> None:
    admission = Admission(most=1000)
    with admission.working_on(900):
        for _ in range(3):
            clock.now_s += 10
            with admission.working_on(1):
                pass

        assert 60 == admission.retry_after_s()


def test_without_experience_a_second_is_advised() -> None:
    assert 1 == Admission().retry_after_s()


def test_idle_times_do_not_count(clock: Clock) -> None:
    admission = Admission(most=100)
    with admission.working_on(1):
        pass
    clock.now_s += 3600
    with admission.working_on(50):
        for _ in range(3):
            clock.now_s += 0.1
            with admission.working_on(1):
                pass

        assert 5 == admission.retry_after_s()
