"""A seed determines the rows of a run."""

import pytest

from training.data.dataset import Dataset, Tweets
from training.data.sampling import SizeError, sample_splits

TWEETS = Tweets(tuple(f"text {number}" for number in range(50)), (0, 1, 2, 0, 1) * 10)
DATASET = Dataset("here", TWEETS, TWEETS.select(range(20)))


def test_a_seed_samples_the_same_rows_on_every_machine():
    found = sample_splits(DATASET, 5, 5, seed=42)

    assert ("text 25", "text 23", "text 19", "text 11", "text 4") == found.train.texts
    assert (19, 5, 14, 4, 9) == found.evaluation_indices
    assert found.validation.select(found.evaluation_indices) == found.evaluation


def test_another_seed_samples_other_rows():
    one, other = sample_splits(DATASET, 10, 5, seed=1), sample_splits(DATASET, 10, 5, seed=2)

    assert one.train != other.train
    assert one.evaluation_indices != other.evaluation_indices
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (
            (51, 5),
            "TRAIN_SIZE=51 is more than the 50 rows of the split train: set TRAIN_SIZE to 50",
        ),
        ((50, 21), "EVAL_SIZE=21 is more than the 20 rows of the split validation"),
    ],
)
def test_a_sample_larger_than_its_split_is_refused(sizes, message):
    with pytest.raises(SizeError, match=message):
        sample_splits(DATASET, *sizes, seed=0)


def test_a_sample_may_be_the_whole_split():
    found = sample_splits(DATASET, 50, 20, seed=0)

    assert (50, 20) == (len(found.train), len(found.evaluation))
