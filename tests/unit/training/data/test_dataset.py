"""Datasets are loaded, checked, sampled and split."""

import pytest

from training.data.dataset import Dataset, DatasetError, Tweets, load, sample_texts

TRAIN = {"text": ["bad", "so so", "good"], "label": [0, 1, 2]}
VALIDATION = {"text": ["fine", "awful"], "label": [2, 0]}
TWEETS = Tweets(tuple("abcdef"), (0, 1, 2, 0, 1, 2))


@pytest.mark.parametrize("labels", [["negative", "neutral", "positive"], []])
def test_a_folder_is_loaded_with_named_and_with_numbered_labels(data_folder, labels):
    folder = data_folder(labels=labels, train=TRAIN, validation=VALIDATION)

    found = load(str(folder))

    assert Tweets(("bad", "so so", "good"), (0, 1, 2)) == found.train
    assert Tweets(("fine", "awful"), (2, 0)) == found.evaluation
    assert (None, None) == (found.test, found.revision)


def test_a_missing_folder_is_reported_with_setting_and_remedy(tmp_path):
    pytest.importorskip("datasets", reason="the training group is not installed")

    with pytest.raises(DatasetError, match=r"DATASET='.*nowhere' cannot be used: .*Set DATASET to"):
        load(str(tmp_path / "nowhere"))


def test_a_missing_split_is_reported(data_folder):
    with pytest.raises(DatasetError, match=r"DATASET=.*validation"):
        load(str(data_folder(train=TRAIN)))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("sentiment/train-00000-of-00001.parquet", "no parquet", "DATASET="),
        ("data.py", "raise RuntimeError", "scripts are no longer supported"),
        ("README.md", "---\nconfigs: [\n---\n", "DATASET="),
    ],
)
def test_a_broken_file_is_reported(data_folder, file, content, message):
    folder = data_folder(train=TRAIN, validation=VALIDATION)
    (folder / file.replace("data.py", f"{folder.name}.py")).write_text(content)

    with pytest.raises(DatasetError, match=message):
        load(str(folder))


@pytest.mark.parametrize(
    ("labels", "train", "message"),
    [
        ([], {"tweet": ["a"], "label": [0]}, "split train has no column text"),
        (["anger", "joy", "fear"], TRAIN, "split train has the labels anger, joy, fear"),
        ([], {"text": ["a", "b"], "label": [0, 3]}, "row 1 of split train has the label 3"),
        ([], {"text": ["a", "b"], "label": [0.0, 1.0]}, "row 0 of split train has the label 0.0"),
        ([], {"text": ["a", "b"], "label": [-1, 0]}, "row 0 of split train has the label -1"),
        ([], {"text": ["a", None], "label": [0, 1]}, "row 1 of split train has the text None"),
        ([], {"text": [1, 2], "label": [0, 1]}, "row 0 of split train has the text 1"),
    ],
)
def test_wrong_columns_labels_and_rows_are_reported(data_folder, labels, train, message):
    folder = data_folder(labels=labels, train=train, validation=train)

    with pytest.raises(DatasetError, match=message):
        load(str(folder))


def test_a_sample_depends_on_its_seed_only_and_keeps_each_text_with_its_label():
    label_of = dict(zip(TWEETS.texts, TWEETS.labels))

    found = TWEETS.sample(4, seed=0)

    assert [label_of[text] for text in found.texts] == list(found.labels)
    assert TWEETS.sample(4, seed=0) == found
    assert TWEETS.sample(6, seed=1) != TWEETS.sample(6, seed=2)


@pytest.mark.parametrize("size", [None, 6, 100])
def test_a_sample_of_all_rows_is_a_shuffle(size):
    assert sorted(TWEETS.texts) == sorted(TWEETS.sample(size, seed=0).texts)


def test_held_out_rows_of_train_replace_the_evaluation_rows():
    found = Dataset("here", TWEETS, Tweets(("secret",), (0,)), test=TWEETS).hold_out(2, seed=0)

    assert (4, 2) == (len(found.train), len(found.evaluation))
    assert sorted(TWEETS.texts) == sorted(found.train.texts + found.evaluation.texts)
    assert ("rows held out of train", None) == (found.evaluation_split, found.test)


def test_the_fingerprint_depends_on_train_and_evaluation_rows_only():
    here = Dataset("here", TWEETS, TWEETS.select([0, 1]))
    there = Dataset("there", TWEETS, TWEETS.select([0, 1]), test=TWEETS)

    assert here.fingerprint == there.fingerprint


def test_the_fingerprint_changes_with_a_label_or_the_border_between_the_splits():
    prints = {
        Dataset("here", train, evaluation).fingerprint
        for train, evaluation in [
            (TWEETS, TWEETS.select([0])),
            (TWEETS.select([0, 1, 2, 3, 4]), TWEETS.select([5, 0])),
            (Tweets(TWEETS.texts, (1, 1, 2, 0, 1, 2)), TWEETS.select([0])),
        ]
    }

    assert 3 == len(prints)


def test_the_name_is_the_hub_id_or_the_folder_without_its_parents(tmp_path):
    folder = tmp_path / "tweet_eval"
    folder.mkdir()

    assert "tweet_eval" == Dataset(str(folder), TWEETS, TWEETS).name
    assert "someone/tweets" == Dataset("someone/tweets", TWEETS, TWEETS).name


def test_a_test_split_is_loaded_if_present(data_folder):
    found = load(str(data_folder(train=TRAIN, validation=VALIDATION, test=TRAIN)))

    assert found.train == found.test


def test_a_test_split_without_published_labels_is_skipped_with_a_warning(data_folder, caplog):
    unlabelled = {"text": ["bad"], "label": [-1]}
    folder = data_folder(labels=[], train=TRAIN, validation=VALIDATION, test=unlabelled)

    found = load(str(folder))

    assert found.test is None
    assert "No metrics on the test split: " in caplog.text
    assert "row 0 of split test has the label -1" in caplog.text


def test_the_sample_tweets_of_the_repository_are_150_texts():
    texts = sample_texts()

    assert 150 == len(texts)
    assert all(isinstance(text, str) and text for text in texts)
