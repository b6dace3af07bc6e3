"""The error of a set-up."""


class SetupError(Exception):
    """The database could not be prepared; the text holds no secret."""
