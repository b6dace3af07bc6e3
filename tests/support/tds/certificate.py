"""A self-signed certificate, like that of a fresh SQL Server."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

SUBJECT = "/CN=localhost"


def make_tls_context(folder: Path) -> ssl.SSLContext:
    """Return a server's TLS context; skip the test if openssl is missing."""
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("openssl, which makes the stand-in's certificate, is not installed here")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", SUBJECT, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # TDS 7.4 leaves no room for what TLS 1.3 sends after the handshake
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context
