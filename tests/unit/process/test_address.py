"""The address is checked before the service listens on it."""

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from process.address import AddressError, check_port, wait_for_address


@pytest.fixture(name="taken")
def fixture_taken() -> Iterator[socket.socket]:
    """Return a socket that listens on the loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener


def test_a_free_address_needs_no_wait(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    taken.close()

    wait_for_address(socket.AF_INET, "127.0.0.1", port, timeout_s=0)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104  # it is taken
def test_a_taken_port_is_named_with_its_owner(taken: socket.socket, host: str) -> None:
    port = taken.getsockname()[1]

    with pytest.raises(AddressError, match=f"^Port {port} is taken.*BENTOML_PORT=") as caught:
        wait_for_address(socket.AF_INET, host, port, timeout_s=0)

    assert "\n" not in str(caught.value)
    if os.path.exists("/proc"):
        assert f"by process {os.getpid()} (" in str(caught.value)


def test_a_port_that_is_released_soon_is_waited_for(taken: socket.socket) -> None:
    def release() -> None:
        time.sleep(0.3)
        taken.close()

    threading.Thread(target=release).start()

    wait_for_address(socket.AF_INET, "127.0.0.1", taken.getsockname()[1], timeout_s=60)


def test_an_address_of_another_machine_is_refused_by_name() -> None:
    with pytest.raises(AddressError, match=r"^The service cannot listen on 192\.0\.2\.1, port "):
        wait_for_address(socket.AF_INET, "192.0.2.1", 20_000)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may listen on any port")
def test_a_privileged_port_is_refused_in_one_line() -> None:
    with pytest.raises(AddressError, match=r"^Port 80 "):
        wait_for_address(socket.AF_INET, "127.0.0.1", 80)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_out_of_range_is_refused_by_name(port: int) -> None:
    with pytest.raises(AddressError, match=f"^Port {port} does not exist"):
        check_port(port)


@pytest.mark.parametrize("port", [0, 65_535])
def test_the_first_and_last_ports_are_valid(port: int) -> None:
    check_port(port)
