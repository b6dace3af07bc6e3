"""What can go wrong with a repository on the Hub, and what to do."""

from training.errors import TrainingError


class HubError(TrainingError):
    """Tell what went wrong with a repository on the Hub, and what to do."""

    def __init__(self, repo_id: str, reason: str, remedy: str) -> None:
        super().__init__(f"{repo_id!r} on the Hugging Face Hub: {reason}. {remedy}.")


class UnreachableError(HubError):
    """Tell that there was no answer, or that the connection broke."""

    def __init__(self, repo_id: str, endpoint: str, reason: str) -> None:
        super().__init__(
            repo_id,
            f"no connection to {endpoint}, or it broke ({reason})",
            "Check the network and HF_ENDPOINT, and try again",
        )


class HubUnavailableError(HubError):
    """Tell that the Hub itself failed, after the client's retries: 5xx, or too many requests."""

    def __init__(self, repo_id: str, status: int) -> None:
        super().__init__(
            repo_id, f"the Hub is not able to answer now (HTTP {status})", "Try again later"
        )


class InvalidTokenError(HubError):
    """Tell that the Hub does not know the token."""

    def __init__(self, repo_id: str) -> None:
        super().__init__(
            repo_id,
            "the Hub does not accept the token",
            "Set HF_TOKEN to a valid one, from the Hub's page Settings, Access Tokens, or run "
            "`hf auth login`",
        )


class ForbiddenError(HubError):
    """Tell that the token is known, but may not do this."""

    def __init__(self, repo_id: str, reason: str) -> None:
        super().__init__(
            repo_id,
            f"the token may not do this (HTTP 403: {reason})",
            "Set HF_TOKEN to one with write permission there, or HF_REPO_ID to a repository "
            "that the token may write to",
        )


class NotFoundOrPrivateError(HubError):
    """Tell that a repository is missing, or private to who asks without a token."""

    def __init__(self, repo_id: str, has_token: bool) -> None:
        super().__init__(
            repo_id,
            "there is no such repository, or it is private",
            "Check HF_REPO_ID, and "
            + ("whose token it is" if has_token else "set HF_TOKEN, or run `hf auth login`"),
        )


class HubRequestError(HubError):
    """Tell that the Hub or its client refused what was asked, for any other reason."""

    def __init__(self, repo_id: str, reason: str) -> None:
        super().__init__(
            repo_id,
            f"refused ({reason})",
            "Check HF_REPO_ID, a name like owner/name, and the files",
        )
