"""Tweets are loaded from CSV files, as spreadsheets, pandas and people write them."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from training.data.csv_files import is_csv_folder
from training.data.dataset import DatasetError, Tweets, load

VALIDATION = "text,label\nfine,2\nawful,0\n"


def write(folder: Path, **files: str | bytes) -> str:
    """Write a CSV file for each split, with a default validation."""
    folder.mkdir(exist_ok=True)
    for name, content in ({"validation": VALIDATION} | files).items():
        encoded = content if isinstance(content, bytes) else content.encode()
        (folder / f"{name}.csv").write_bytes(encoded)
    return str(folder)


def load_train(folder: Path, content: str | bytes) -> Tweets:
    """Load a train split with this content."""
    return load(write(folder, train=content)).train


def test_texts_and_labels_of_both_splits_are_loaded(tmp_path: Path) -> None:
    found = load(write(tmp_path, train="text,label\nbad,0\nso so,1\ngood,2\n"))

    assert Tweets(("bad", "so so", "good"), (0, 1, 2)) == found.train
    assert Tweets(("fine", "awful"), (2, 0)) == found.evaluation


def test_na_and_null_are_texts(tmp_path: Path) -> None:
    texts = ("null", "NA", "N/A", "nan", "None", "NULL", "-", "1.0", "true", "#N/A")
    rows = "".join(f"{text},1\n" for text in texts)

    assert texts == load_train(tmp_path, f"text,label\n{rows}").texts


def test_quoted_texts_keep_their_line_breaks_commas_and_quotes(tmp_path: Path) -> None:
    content = 'label,text\n2,"one\ntwo, ""three""\n"\n\n0," \\u2019 NA"\n'

    assert Tweets(('one\ntwo, "three"\n', " \\u2019 NA"), (2, 0)) == load_train(tmp_path, content)


@pytest.mark.parametrize(
    "written",
    ["negative", "Negative", " NEGATIVE ", "neg", "0", "0.0"],
)
def test_a_label_is_a_name_or_a_number(tmp_path: Path, written: str) -> None:
    assert (0,) == load_train(tmp_path, f"text,label\nbad,{written}\n").labels


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbftext,label\r\nh\xc3\xa9,1\r\n",
        "Text;Label\nhé;1\n".encode(),
        "text,label\rhé,1\r".encode(),
        "id\ttext\tlabel\n7\thé\tneutral\n".encode(),
        '"LABEL" , "TEXT"\n"1","hé"'.replace(" ", "").encode(),
    ],
)
def test_spreadsheet_exports_are_read(tmp_path: Path, content: bytes) -> None:
    assert Tweets(("hé",), (1,)) == load_train(tmp_path, content)


@pytest.mark.parametrize("name", ["validation", "Validation", "val", "valid", "dev"])
def test_the_validation_file_has_several_names(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.csv").write_text(VALIDATION)
    (tmp_path / "train.CSV").write_text(VALIDATION)
    (tmp_path / "notes.csv").write_text("not tweets")

    assert (2, 0) == load(str(tmp_path)).evaluation.labels


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\na,0\nb,3\n", r"train.csv, row 3: column label has the value '3'"),
        ("text,label\na,-1\n", r"train.csv, row 2: column label has the value '-1'"),
        ("text,label\na,happy\n", r"train.csv, row 2: column label has the value 'happy'"),
        ("text,label\na,\n", r"train.csv, row 2: column label has the value ''"),
        ("text,label\na,1.5\n", r"train.csv, row 2: column label has the value '1.5'"),
        ("text,label\n,1\n", r"train.csv, row 2: column text is empty"),
        ('text,label\n"a\nb",0\n" ",1\n', r"train.csv, row 3: column text is empty"),
        ("text,label\none, two,1\n", r"train.csv, row 2: 3 fields, but the header has 2"),
        ("text,label\na\n", r"train.csv, row 2: 1 fields, but the header has 2"),
        ('text,label\na,0\n"b" c,1\n', r"train.csv, row 3 \(line 3\): .*expected after"),
        ('text,label\n"a,0\nb,1\n', r"train.csv, row 2 \(line 3\): unexpected end of data"),
        ("tweet,label\na,0\n", r"train.csv, row 1: .*'tweet,label' has no column text"),
        ("a,0\nb,1\n", r"train.csv, row 1: .* has no column text and label"),
        ("text|label\na|0\n", r"train.csv, row 1: .* has no column text and label"),
        ("", r"train.csv, row 1: .* has no column text and label"),
        ("text,label\n", r"split train is empty"),
        (b"text,label\na,0\n\xe9,1\n", r"train.csv, line 3: not UTF-8"),
        ("text,label\na,0\n".encode("utf-16"), r"train.csv, line 1: not UTF-8"),
    ],
)
def test_malformed_rows_are_reported_with_file_row_and_column(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(DatasetError, match=f"DATASET='.*' cannot be used: {message}"):
        load_train(tmp_path, content)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("train",), "split validation is missing: the folder has no validation.csv or valid.csv"),
        (("tweets",), "split train is missing: the folder has no train.csv"),
        (("train", "dev", "val"), "dev.csv and val.csv are the same split, validation"),
    ],
)
def test_missing_and_duplicate_split_files_are_reported(
    tmp_path: Path, files: Sequence[str], message: str
) -> None:
    for name in files:
        (tmp_path / f"{name}.csv").write_text(VALIDATION)

    with pytest.raises(DatasetError, match=message):
        load(str(tmp_path))


def test_a_file_is_refused_as_folder(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(VALIDATION)

    with pytest.raises(DatasetError, match="it is a file; name a folder"):
        load(str(tmp_path / "train.csv"))


def test_the_fingerprint_equals_that_of_the_same_rows_in_parquet(
    data_folder, tmp_path: Path
) -> None:
    texts, labels = ['a "b", c', "NA", "null\nnull", "é 😀"], [0, 1, 2, 1]
    parquet = data_folder(
        train={"text": texts, "label": labels}, validation={"text": texts, "label": labels}
    )
    folder = tmp_path / "csv"
    folder.mkdir()
    for split in ("train", "validation"):
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *zip(texts, labels)])

    assert load(str(parquet)).fingerprint == load(str(folder)).fingerprint


def test_a_folder_of_parquet_files_is_not_a_csv_folder(data_folder) -> None:
    rows = {"text": ["a"], "label": [0]}
    folder = data_folder(train=rows, validation=rows)
    (folder / "classes.csv").write_text("id,name\n")

    assert not is_csv_folder(str(folder))
    assert (0,) == load(str(folder)).train.labels
