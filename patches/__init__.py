"""Everything that depends on private parts of libraries, for which they have no public option.

Importing this package checks that the libraries have the versions that it was written for;
``patches.checks`` lists the patches and checks at start that each is in effect.
"""

from importlib.metadata import version

VERSIONS = {
    "bentoml": "1.4.39",
    "kantoku": "0.18.3",  # installs `circus`
    "uvicorn": "0.54.0",
}


def check_versions() -> None:
    """Raise BentoMLConfigException, which BentoML's CLI prints in one line, for other versions."""
    for name, expected in VERSIONS.items():
        if (installed := version(name)) != expected:
            from bentoml.exceptions import (  # pylint: disable=import-outside-toplevel  # for errors
                BentoMLConfigException,
            )

            raise BentoMLConfigException(
                f"{name} {installed} is installed, but patches/ changes private parts of {name} "
                f"{expected}: run `pip install {name}=={expected}`"
            )


check_versions()  # at import, before a module here imports a private part that may be gone
