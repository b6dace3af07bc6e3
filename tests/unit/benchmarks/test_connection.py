"""An answer is complete once its body is."""

import pytest

from benchmarks.connection import post, status_of

ANSWER = b"HTTP/1.1 200 OK\r\nserver: uvicorn\r\ncontent-length: 2\r\n\r\n{}"


@pytest.mark.parametrize("length", range(len(ANSWER)))
def test_an_incomplete_answer_has_no_status(length: int) -> None:
    assert status_of(ANSWER[:length]) is None


def test_a_complete_answer_has_its_status() -> None:
    assert 200 == status_of(ANSWER)
    assert 503 == status_of(b"HTTP/1.1 503 Busy\r\nContent-Length:0\r\n\r\n")


def test_an_answer_without_content_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="an answer without Content-Length"):
        status_of(b"HTTP/1.1 200 OK\r\n\r\n{}")


def test_a_request_has_the_length_of_its_body_in_bytes() -> None:
    request = post("host:1", "/predict", "ö".encode())

    assert request.startswith(b"POST /predict HTTP/1.1\r\nHost: host:1\r\n")
    assert request.endswith(b"\r\nContent-Length: 2\r\n\r\n\xc3\xb6")
