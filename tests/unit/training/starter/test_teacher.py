"""Targets mix the labels with the teacher's probabilities."""

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("sklearn", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from training.starter.teacher import soft_targets

TEXTS = ["what a bad day", "the bus is late", "what a good day", "it is tuesday"] * 10
LABELS = [0, 1, 2, 1] * 10


def test_without_the_teacher_targets_are_the_labels():
    found = soft_targets(TEXTS, LABELS, folds=2, teacher_share=0, seed=0)

    assert LABELS == found.argmax(axis=1).tolist()
    assert {0.0, 1.0} == set(found.ravel().tolist())


def test_targets_are_distributions():
    found = soft_targets(TEXTS, LABELS, folds=2, teacher_share=0.5, seed=0)

    assert "float32" == found.dtype
    np.testing.assert_allclose(np.ones(len(TEXTS)), found.sum(axis=1), rtol=1e-5)


def test_the_label_keeps_its_share_of_the_target():
    found = soft_targets(TEXTS, LABELS, folds=2, teacher_share=0.4, seed=0)

    assert (found[np.arange(len(LABELS)), LABELS] >= 0.6).all()


def test_the_teacher_predicts_texts_that_it_was_not_trained_on():
    texts = [*TEXTS, "what a good day indeed"]

    found = soft_targets(texts, [*LABELS, 0], folds=2, teacher_share=1, seed=0)

    assert 2 == found[-1].argmax()
