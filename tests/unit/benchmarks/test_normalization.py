"""The effect of normalization is measured on the same rows with and without it."""

import pytest

pytest.importorskip("tqdm", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from benchmarks.normalization import ENCODINGS, compare, model_card_form
from inference.classifier import Classifier
from inference.normalization import normalize
from training.data.dataset import Tweets


def test_the_model_cards_form_only_replaces_users_and_links() -> None:
    assert "@user  http (@joe) &amp;" == model_card_form("@jane  https://t.co/a (@joe) &amp;")


def test_corrected_labels_are_counted(classifier: Classifier, tweets: list[str]) -> None:
    texts = [normalize(text) for text in tweets[:40]]
    labels = classifier.classify(texts).argmax(axis=1).tolist()
    tabs = Tweets(tuple(map(ENCODINGS["tabs for blanks"], texts)), tuple(labels))

    name, rows, differ, changed, gained, lost, before, after = compare(classifier, tabs, "tabs")

    assert ("tabs", "40", "0", "1.0000") == (name, rows, lost, after)
    assert sum(" " in text for text in texts) == int(differ)
    assert changed == gained
    assert float(before) == pytest.approx(1 - int(gained) / 40)
    assert int(gained) > 10
