"""The login of this machine on the Hugging Face Hub."""

from training.errors import TrainingError


class LoginError(TrainingError):
    """The machine has a login that cannot be used."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the login on the Hugging Face Hub cannot be used: {reason}. Run `hf auth login` "
            "again, or set HF_TOKEN"
        )


def stored_token() -> str | None:
    """Return the token of `hf auth login`, None if nobody is logged in.

    It is the one that transformers and datasets take, too, unless HF_HUB_DISABLE_IMPLICIT_TOKEN
    forbids it. Raises LoginError.
    """
    # pylint: disable=import-outside-toplevel  # heavy: settings are read without it
    from huggingface_hub import constants, get_token
    from huggingface_hub.errors import OIDCError

    if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        return None
    try:
        return get_token()
    except (OSError, OIDCError) as error:
        raise LoginError(type(error).__name__) from error
