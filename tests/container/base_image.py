"""The base image: the registry's, or a substitute made of Debian's packages."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.container.engine import NoEngineError, install

NAME = "python:3.11-slim-bookworm"
STAND_IN = "tweet-sentiment-base:stand-in"
RELEASE = "bookworm"
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
PULL_TIMEOUT_S = 300
LABEL = "stand-in"
LOCAL_CERTIFICATES = Path("usr/local/share/ca-certificates")
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# like the registry's image
LEFT_OUT = (
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt",
    "var/lib/apt/lists",
)


@contextmanager
def base_image(folder: Path) -> Iterator[str]:
    """Provide the base image until the context ends; yield its description.

    If the registry is unreachable, a substitute is made in ``folder``. It is kept, but not under
    the registry's name, so that no other build uses it. Raises NoEngineError.
    """
    if _inspect(NAME) is None and not _pull():
        if _inspect(STAND_IN) is None:
            _make(folder / "root")
        _run("docker", "tag", STAND_IN, NAME)
    if "debootstrap" not in _inspect(NAME, "{{json .Config.Labels}}"):
        yield f"the registry's {NAME}"
        return
    _run("docker", "tag", NAME, STAND_IN)  # a killed run may have left it
    try:
        yield f"a substitute for {NAME}, made by debootstrap"
    finally:
        _run("docker", "image", "rm", NAME)


def _inspect(image: str, form: str = "{{.Id}}") -> Any:
    done = subprocess.run(
        ["docker", "image", "inspect", "--format", form, image],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else None


def _pull() -> bool:
    try:
        done = subprocess.run(
            ["docker", "pull", "--quiet", NAME],
            capture_output=True,
            timeout=PULL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _make(root: Path) -> None:
    if shutil.which("debootstrap") is None:
        install("debootstrap")
    include = f"--include={PACKAGES}"
    _run("debootstrap", "--variant=minbase", include, RELEASE, root, *_mirrors()[:1])
    (root / "usr/bin/python").symlink_to("python3")
    (root / "usr/lib/python3.11/EXTERNALLY-MANAGED").unlink(missing_ok=True)
    for certificate in Path("/", LOCAL_CERTIFICATES).glob("*.crt"):  # of a closed network
        shutil.copy(certificate, root / LOCAL_CERTIFICATES)
    _run("chroot", root, "update-ca-certificates")
    for place in LEFT_OUT:
        shutil.rmtree(root / place, ignore_errors=True)
    archive = root.with_suffix(".tar")
    _run("tar", "--directory", root, "--create", "--file", archive, ".")
    changes = (f"ENV SSL_CERT_FILE={BUNDLE}", f"LABEL {LABEL}=debootstrap")
    _run("docker", "import", *(f"--change={change}" for change in changes), archive, STAND_IN)
    shutil.rmtree(root)
    archive.unlink()


def _mirrors() -> list[str]:
    """Return the addresses of this machine's apt repositories."""
    listed = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in listed if path.is_file())
    return re.findall(r"^(?:URIs:|deb(?: \[.*\])?) +(\S+/debian/?)(?: |$)", text, re.MULTILINE)


def _run(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoEngineError(f"`{command[0]}` failed: {(done.stdout + done.stderr)[-500:]}")
