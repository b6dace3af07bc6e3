"""Bring a tweet into the form that the cardiffnlp models were trained on."""

USER_PLACEHOLDER = "@user"
LINK_PLACEHOLDER = "http"


def normalize(text: str) -> str:
    """Replace user names and links by the placeholders that the models know.

    A word, here what stands between two blanks, is replaced as a whole: ``@name`` becomes
    ``@user`` and a word that begins with ``http`` becomes ``http``. All else stays as it is.

    Source: the preprocessing on the model card of
    ``cardiffnlp/twitter-roberta-base-sentiment-latest``.
    """
    return " ".join(_placeholder(word) for word in text.split(" "))


def _placeholder(word: str) -> str:
    if word.startswith("@") and len(word) > 1:
        return USER_PLACEHOLDER
    if word.startswith("http"):
        return LINK_PLACEHOLDER
    return word
