"""Docker's engine: the one that runs, or else one that is started for the tests.

It is installed if the user has asked for that by INSTALL_DOCKER=1.
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
START_DEADLINE_S = 60
STOP_DEADLINE_S = 60


class NoEngineError(Exception):
    """Tell why no container can be run here."""


@contextmanager
def running_engine(folder: Path) -> Iterator[None]:
    """Have an engine that answers; end it afterwards where it was started here.

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
        eventually(lambda: answers() or engine.poll() is not None, START_DEADLINE_S)
        if engine.poll() is not None:
            told = log.read_text(errors="replace").splitlines()
            raise NoEngineError(f"Docker's engine does not start: {told[-1] if told else '?'}")
        yield
    finally:
        engine.send_signal(signal.SIGTERM)
        engine.wait(STOP_DEADLINE_S)


def answers() -> bool:
    """Tell whether there is an engine that this user may command."""
    if shutil.which("docker") is None:
        return False
    return 0 == subprocess.run(["docker", "info"], capture_output=True, check=False).returncode


def install(*packages: str) -> None:
    """Install Debian's packages. Raises NoEngineError if that fails or nobody has asked for it."""
    if os.environ.get(MAY_INSTALL) != "1":
        raise NoEngineError(
            f"{', '.join(packages)}: not installed. Install it, or on Debian let "
            f"`make test-container {MAY_INSTALL}=1` do that, as root"
        )
    if shutil.which("apt-get") is None:
        raise NoEngineError(f"{', '.join(packages)}: not installed, and apt-get is not here")
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    for each in (["apt-get", "update", "--quiet"], command):
        done = subprocess.run(each, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoEngineError(f"`{' '.join(command)}` failed: {done.stderr[-500:]}")
