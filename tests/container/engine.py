"""Docker's engine: the running one, or one that is started for the tests.

INSTALL_DOCKER=1 allows its installation.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.server import eventually

MAY_INSTALL = "INSTALL_DOCKER"
PACKAGES = ("docker.io", "docker-compose", "iptables")
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60


class NoEngineError(Exception):
    """Containers cannot run here."""


@contextmanager
def running_engine(folder: Path) -> Iterator[None]:
    """Start an engine unless one is running; stop it with the context.

    ``folder`` is for its log. Raises NoEngineError.
    """
    if answers():
        yield
        return
    if os.geteuid() != 0:
        raise NoEngineError("Docker's engine does not answer, and only root may start one")
    if shutil.which("dockerd") is None:
        install(*PACKAGES)
    log = folder / "dockerd.log"
    with log.open("wb") as output:
        # pylint: disable-next=consider-using-with  # ended below
        engine = subprocess.Popen(["dockerd"], stdout=output, stderr=output, start_new_session=True)
    try:
        eventually(lambda: answers() or engine.poll() is not None, START_TIMEOUT_S)
        if engine.poll() is not None:
            lines = log.read_text(errors="replace").splitlines()
            raise NoEngineError(f"Docker's engine does not start: {lines[-1] if lines else '?'}")
        yield
    finally:
        engine.send_signal(signal.SIGTERM)
        engine.wait(STOP_TIMEOUT_S)


def answers() -> bool:
    """Return whether this user can use a running engine."""
    if shutil.which("docker") is None:
        return False
    return 0 == subprocess.run(["docker", "info"], capture_output=True, check=False).returncode


def install(*packages: str) -> None:
    """Install Debian's packages. Raises NoEngineError if that fails or is not allowed."""
    if os.environ.get(MAY_INSTALL) != "1":
        raise NoEngineError(
            f"{', '.join(packages)}: not installed. Install it, or on Debian run "
            f"`make test-container {MAY_INSTALL}=1` as root"
        )
    if shutil.which("apt-get") is None:
        raise NoEngineError(f"{', '.join(packages)}: not installed, and apt-get is not here")
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    for each in (["apt-get", "update", "--quiet"], command):
        done = subprocess.run(each, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoEngineError(f"`{' '.join(command)}` failed: {done.stderr[-500:]}")
