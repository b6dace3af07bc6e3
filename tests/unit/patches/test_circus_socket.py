"""An address is tried out before the service listens there."""

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from patches.circus_socket import AddressError, await_address, check_port


@pytest.fixture(name="taken")
def fixture_taken() -> Iterator[socket.socket]:
    """Return a socket that listens on the loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener


def test_a_free_address_is_not_waited_for(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    taken.close()

    await_address(socket.AF_INET, "127.0.0.1", port, within_s=0)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104  # it is taken
def test_a_taken_port_is_named_with_who_has_it(taken: socket.socket, host: str) -> None:
    port = taken.getsockname()[1]

    with pytest.raises(AddressError, match=f"^Port {port} is taken.*BENTOML_PORT=") as caught:
        await_address(socket.AF_INET, host, port, within_s=0)

    assert "\n" not in str(caught.value)
    if os.path.exists("/proc"):
        assert f"by process {os.getpid()} (" in str(caught.value)


def test_a_port_that_is_let_go_soon_is_waited_for(taken: socket.socket) -> None:
    def let_go() -> None:
        time.sleep(0.3)
        taken.close()

    threading.Thread(target=let_go).start()

    await_address(socket.AF_INET, "127.0.0.1", taken.getsockname()[1], within_s=60)


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(AddressError, match=r"^The service cannot listen on 192\.0\.2\.1, port "):
        await_address(socket.AF_INET, "192.0.2.1", 20_000)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may listen on any port")
def test_a_port_of_the_systems_is_refused_plainly() -> None:
    with pytest.raises(AddressError, match=r"^Port 80 "):
        await_address(socket.AF_INET, "127.0.0.1", 80)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_does_not_exist_is_named(port: int) -> None:
    with pytest.raises(AddressError, match=f"^Port {port} does not exist"):
        check_port(port)


@pytest.mark.parametrize("port", [0, 65_535])
def test_the_first_and_the_last_port_exist(port: int) -> None:
    check_port(port)
