"""Write a `.env` for the containers, with generated passwords (`make env`).

It needs Python alone: nothing is installed yet where it runs first.
"""

import os
import secrets
import sys
from pathlib import Path

LENGTH_BYTES = 24
TEMPLATE = """\
# Written by `make env`; .env.example explains every line. Keep it to yourself.
# Y accepts the licence of SQL Server's image.
ACCEPT_EULA=Y
SA_PASSWORD={sa}
SQL_USER=sentiment_service
SQL_PASSWORD={service}
GRAFANA_READER_PASSWORD={reader}
GRAFANA_ADMIN_PASSWORD={admin}
API_PORT_MAPPING=127.0.0.1:3000:3000
GRAFANA_PORT_MAPPING=127.0.0.1:3001:3000
"""


def write(path: Path) -> None:
    """Write new passwords into a file that only its owner may read.

    Raises FileExistsError where there is one: a database keeps the passwords it was made with.
    """
    names = ("sa", "service", "reader", "admin")
    content = TEMPLATE.format(**{name: password() for name in names})
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(content)


def password() -> str:
    """Return a password that SQL Server's policy accepts, and that compose reads as it is.

    The policy wants three kinds of upper and lower case letters, digits and signs; a `$` or a
    quote would mean something to compose.
    """
    while True:
        made = secrets.token_urlsafe(LENGTH_BYTES)
        kinds = (str.isupper, str.islower, str.isdigit)
        if made[0].isalnum() and all(any(map(kind, made)) for kind in kinds):
            return made


if __name__ == "__main__":
    write(Path(sys.argv[1]))
    print(f"Wrote {sys.argv[1]}, with new passwords; its ACCEPT_EULA accepts SQL Server's licence.")
