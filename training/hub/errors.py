"""Errors of a repository on the Hub, each with a remedy."""

from training.errors import TrainingError


class HubError(TrainingError):
    """A request for a repository on the Hub failed."""

    def __init__(self, repo_id: str, reason: str, remedy: str) -> None:
        super().__init__(f"{repo_id!r} on the Hugging Face Hub: {reason}. {remedy}.")


class UnreachableError(HubError):
    """The connection failed or broke."""

    def __init__(self, repo_id: str, endpoint: str, reason: str) -> None:
        super().__init__(
            repo_id,
            f"connection to {endpoint} failed or broke ({reason})",
            "Check the network and HF_ENDPOINT, and try again",
        )


class HubUnavailableError(HubError):
    """The Hub answered 5xx or 429, also to the client's retries."""

    def __init__(self, repo_id: str, status: int) -> None:
        super().__init__(repo_id, f"the Hub is unavailable (HTTP {status})", "Try again later")


class InvalidTokenError(HubError):
    """The Hub does not know the token."""

    def __init__(self, repo_id: str) -> None:
        super().__init__(
            repo_id,
            "the token is invalid",
            "Set HF_TOKEN to a valid one, from the Hub's page Settings, Access Tokens, or run "
            "`hf auth login`",
        )


class ForbiddenError(HubError):
    """The token lacks the permission."""

    def __init__(self, repo_id: str, reason: str) -> None:
        super().__init__(
            repo_id,
            f"the token lacks permission (HTTP 403: {reason})",
            "Set HF_TOKEN to one with write permission there, or HF_REPO_ID to a repository "
            "that the token may write to",
        )


class NotFoundOrPrivateError(HubError):
    """The repository is missing, or private: the Hub does not distinguish these."""

    def __init__(self, repo_id: str, has_token: bool) -> None:
        super().__init__(
            repo_id,
            "the repository does not exist or is private",
            "Check HF_REPO_ID, and "
            + ("the owner of the token" if has_token else "set HF_TOKEN, or run `hf auth login`"),
        )


class HubRequestError(HubError):
    """The Hub or its client rejected a request for any other reason."""

    def __init__(self, repo_id: str, reason: str) -> None:
        super().__init__(
            repo_id,
            f"request rejected ({reason})",
            "Check HF_REPO_ID, a name like owner/name, and the files",
        )
