"""The effect of normalization: ``python -m benchmarks.normalization DATASET [MODEL FOLDER]``.

Labelled tweets are classified with only the placeholders of cardiffnlp's model card, and with the
normalization of serving; as they are, and as exports and apps encode them.
"""

import html
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.stats import table
from inference.classifier import Classifier
from inference.model_folder import ModelFolderError
from inference.normalization import normalize
from inference.starter import STARTER_FOLDER
from training.data.dataset import LABELS, Tweets, load
from training.data.label_alignment import align_labels
from training.errors import TrainingError

BATCH_SIZE = 128
_SENTENCE = re.compile(r"(?<=[.!?:]) ")

PARTS: dict[str, Callable[[str], bool]] = {
    "with &": lambda text: "&" in text,
    "with a backslash": lambda text: "\\" in text and "&" not in text,
    "others": lambda text: not {"\\", "&"} & set(text),
}
ENCODINGS: dict[str, Callable[[str], str]] = {
    "HTML": html.escape,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "Python's bytes": lambda text: repr(text.encode())[2:-1],
    "two line breaks after sentences": lambda text: _SENTENCE.sub("\n\n", text),
    "\\n after sentences": lambda text: _SENTENCE.sub(r"\\n", text),
    "tabs for blanks": lambda text: text.replace(" ", "\t"),
}


def model_card_form(text: str) -> str:
    """Replace users and links, like the model card of cardiffnlp's models."""
    words = ("@user" if len(w) > 1 and w[0] == "@" else w for w in text.split(" "))
    return " ".join("http" if word.startswith("http") else word for word in words)


def compare(classifier: Classifier, tweets: Tweets, name: str) -> list[str]:
    """Return a row of the table: how many labels changed and became right or wrong, accuracies."""
    gold = np.array(tweets.labels)
    with patch("inference.tokenization.normalize", model_card_form):
        before = _labels(classifier, tweets.texts)
    after = _labels(classifier, tweets.texts)
    was_right, is_right = before == gold, after == gold
    differ = sum(model_card_form(text) != normalize(text) for text in tweets.texts)
    return [
        name,
        f"{len(tweets):,}",
        f"{differ:,}",
        str(int((before != after).sum())),
        str(int((is_right & ~was_right).sum())),
        str(int((was_right & ~is_right).sum())),
        f"{was_right.mean():.4f}",
        f"{is_right.mean():.4f}",
    ]


def _labels(classifier: Classifier, texts: Sequence[str]) -> np.ndarray:
    columns = list(align_labels("the model", LABELS, classifier.labels))
    parts = [
        classifier.classify(texts[at : at + BATCH_SIZE]) for at in range(0, len(texts), BATCH_SIZE)
    ]
    return np.concatenate(parts)[:, columns].argmax(axis=1)


def main(source: str, model: str = str(STARTER_FOLDER)) -> int:
    """Print the table; return the exit status."""
    try:
        tweets, classifier = load(source).evaluation, Classifier.load(Path(model))
    except (TrainingError, ModelFolderError) as error:
        print(error, file=sys.stderr)
        return 1
    rows = [["rows", "all", "differ", "changed", "gained", "lost", "before", "after"]]
    rows.append(compare(classifier, tweets, "validation"))
    for name, is_part in PARTS.items():
        numbers = [
            number
            for number, text in enumerate(tweets.texts)
            if is_part(text) and model_card_form(text) != normalize(text)
        ]
        if numbers:
            rows.append(compare(classifier, tweets.select(numbers), f"of these, {name}"))
    for name, encode in ENCODINGS.items():
        texts = tuple(encode(normalize(text)) for text in tweets.texts)
        rows.append(compare(classifier, Tweets(texts, tweets.labels), f"as {name}"))
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
