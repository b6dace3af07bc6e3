"""Tweets are loaded, checked, sampled and parted."""

import pytest

from training.data.dataset import Dataset, DatasetError, Tweets, load

TRAIN = {"text": ["bad", "so so", "good"], "label": [0, 1, 2]}
VALIDATION = {"text": ["fine", "awful"], "label": [2, 0]}
TWEETS = Tweets(tuple("abcdef"), (0, 1, 2, 0, 1, 2))


def test_loads_texts_and_labels_of_both_splits_from_a_folder(data_folder):
    folder = data_folder(train=TRAIN, validation=VALIDATION)

    found = load(str(folder))

    assert Tweets(("bad", "so so", "good"), (0, 1, 2)) == found.train
    assert Tweets(("fine", "awful"), (2, 0)) == found.evaluation


def test_takes_plain_numbers_as_labels(data_folder):
    folder = data_folder(labels=[], train=TRAIN, validation=VALIDATION)

    found = load(str(folder))

    assert (2, 0) == found.evaluation.labels


def test_a_missing_folder_is_told_with_the_setting_and_the_remedy(tmp_path):
    pytest.importorskip("datasets", reason="the training group is not installed")
    missing = tmp_path / "nowhere"

    with pytest.raises(DatasetError, match=r"DATASET='.*nowhere' cannot be used: .*Set DATASET to"):
        load(str(missing))


def test_a_missing_split_is_told(data_folder):
    folder = data_folder(train=TRAIN)

    with pytest.raises(DatasetError, match=r"DATASET=.*validation"):
        load(str(folder))


def test_a_file_that_is_no_parquet_is_told(data_folder):
    folder = data_folder(train=TRAIN, validation=VALIDATION)
    (folder / "sentiment" / "train-00000-of-00001.parquet").write_text("no parquet")

    with pytest.raises(DatasetError, match=r"DATASET="):
        load(str(folder))


def test_a_folder_with_a_script_of_old_is_told(data_folder):
    folder = data_folder(train=TRAIN, validation=VALIDATION)
    (folder / f"{folder.name}.py").write_text("raise RuntimeError")

    with pytest.raises(DatasetError, match="scripts are no longer supported"):
        load(str(folder))


def test_a_card_that_is_no_yaml_is_told(data_folder):
    folder = data_folder(train=TRAIN, validation=VALIDATION)
    (folder / "README.md").write_text("---\nconfigs: [\n---\n")

    with pytest.raises(DatasetError, match="DATASET="):
        load(str(folder))


def test_missing_columns_are_told(data_folder):
    columns = {"tweet": ["a"], "label": [0]}
    folder = data_folder(labels=[], train=columns, validation=columns)

    with pytest.raises(DatasetError, match="split train has no column text"):
        load(str(folder))


def test_foreign_class_names_are_told(data_folder):
    folder = data_folder(labels=["anger", "joy", "fear"], train=TRAIN, validation=VALIDATION)

    with pytest.raises(DatasetError, match="split train has the labels anger, joy, fear"):
        load(str(folder))


@pytest.mark.parametrize(
    ("train", "told"),
    [
        ({"text": ["a", "b"], "label": [0, 3]}, "row 1 of split train has the label 3"),
        ({"text": ["a", "b"], "label": [0.0, 1.0]}, "row 0 of split train has the label 0.0"),
        ({"text": ["a", "b"], "label": [-1, 0]}, "row 0 of split train has the label -1"),
        ({"text": ["a", None], "label": [0, 1]}, "row 1 of split train has the text None"),
        ({"text": [1, 2], "label": [0, 1]}, "row 0 of split train has the text 1"),
    ],
)
def test_a_row_that_is_no_labelled_text_is_told(data_folder, train, told):
    folder = data_folder(labels=[], train=train, validation=train)

    with pytest.raises(DatasetError, match=told):
        load(str(folder))


def test_a_sample_rests_on_its_seed_alone():
    assert TWEETS.sample(3, seed=1) == TWEETS.sample(3, seed=1)
    assert TWEETS.sample(6, seed=1) != TWEETS.sample(6, seed=2)


def test_a_sample_keeps_each_text_with_its_label():
    label_of = dict(zip(TWEETS.texts, TWEETS.labels))

    found = TWEETS.sample(4, seed=0)

    assert [label_of[text] for text in found.texts] == list(found.labels)


@pytest.mark.parametrize("size", [None, 6, 100])
def test_a_sample_of_all_rows_is_a_shuffle(size):
    assert sorted(TWEETS.texts) == sorted(TWEETS.sample(size, seed=0).texts)


def test_rows_held_out_of_train_take_the_place_of_the_evaluation_rows():
    found = Dataset("here", TWEETS, Tweets(("secret",), (0,))).hold_out(2, seed=0)

    assert (4, 2) == (len(found.train), len(found.evaluation))
    assert sorted(TWEETS.texts) == sorted(found.train.texts + found.evaluation.texts)
    assert "rows held out of train" == found.evaluated_on


def test_the_fingerprint_is_of_the_rows_and_not_of_their_place():
    here = Dataset("here", TWEETS, TWEETS.rows([0, 1]))
    there = Dataset("there", TWEETS, TWEETS.rows([0, 1]))

    assert here.fingerprint == there.fingerprint


def test_the_fingerprint_changes_with_a_label_or_the_border_between_the_splits():
    prints = {
        Dataset("here", train, evaluation).fingerprint
        for train, evaluation in [
            (TWEETS, TWEETS.rows([0])),
            (TWEETS.rows([0, 1, 2, 3, 4]), TWEETS.rows([5, 0])),
            (Tweets(TWEETS.texts, (1, 1, 2, 0, 1, 2)), TWEETS.rows([0])),
        ]
    }

    assert 3 == len(prints)


def test_the_name_of_a_local_data_set_hides_the_folders_above_it(tmp_path):
    folder = tmp_path / "tweet_eval"
    folder.mkdir()

    assert "tweet_eval" == Dataset(str(folder), TWEETS, TWEETS).name


def test_the_name_of_a_data_set_on_the_hub_is_its_id():
    assert "someone/tweets" == Dataset("someone/tweets", TWEETS, TWEETS).name


def test_a_split_test_is_loaded_if_there_is_one(data_folder):
    folder = data_folder(train=TRAIN, validation=VALIDATION, test=TRAIN)

    found = load(str(folder))

    assert found.train == found.test
    assert found.revision is None
    assert found.hold_out(1, seed=0).test is None


def test_without_a_split_test_there_is_none(data_folder):
    assert load(str(data_folder(train=TRAIN, validation=VALIDATION))).test is None


def test_a_split_test_whose_labels_were_never_published_stops_nothing(data_folder, caplog):
    secret = {"text": ["bad"], "label": [-1]}
    folder = data_folder(labels=[], train=TRAIN, validation=VALIDATION, test=secret)

    found = load(str(folder))

    assert found.test is None
    assert "Nothing will be reported on the split test: " in caplog.text
    assert "row 0 of split test has the label -1" in caplog.text


def test_the_fingerprint_is_of_what_training_reads():
    here, there = (Dataset("here", TWEETS, TWEETS, test=test) for test in (None, TWEETS))

    assert here.fingerprint == there.fingerprint
