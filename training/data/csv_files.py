"""Labelled tweets in a folder of CSV files, one for each split."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from training.data.label_alignment import parse_label

SPLIT_NAMES = {
    "train": ("train",),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}
"""What the file of a split may be called, without ``.csv``, in any case."""

SUFFIX = ".csv"
COLUMNS = ("text", "label")
DELIMITERS = (",", ";", "\t")
_LINE_END = re.compile(r"[\r\n]")
_NUMBER = re.compile(r"([0-9]+)(?:\.0+)?")  # pandas writes numbers as 1.0 if one is missing


class CsvError(ValueError):
    """A CSV file does not hold labelled tweets; the message names file, row and column.

    The header is row 1, as in a spreadsheet.
    """


def is_csv_folder(source: str) -> bool:
    """Return whether a source is a folder of CSV files, or such a file itself.

    A folder of parquet files is none, whatever else lies there, unless a CSV file is a split's.
    """
    path = Path(source)
    if path.is_file():
        return path.suffix.lower() == SUFFIX
    found = _csv_files(path)
    splits = {name for names in SPLIT_NAMES.values() for name in names}
    has_split = any(one.stem.lower() in splits for one in found)
    return has_split or (bool(found) and not any(path.rglob("*.parquet")))


def find_split(source: str, split: str) -> Path | None:
    """Return the file of a split, None if there is none. Raises CsvError if there are several."""
    if Path(source).is_file():
        raise CsvError("it is a file; name a folder with a CSV file for each split")
    names = SPLIT_NAMES[split]
    found = [path for path in _csv_files(Path(source)) if path.stem.lower() in names]
    if len(found) > 1:
        files = " and ".join(path.name for path in found)
        raise CsvError(f"{files} are the same split, {split}; keep one of them")
    return found[0] if found else None


def read_split(source: str, split: str, labels: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the texts of a split and their class ids, which are positions in ``labels``.

    Every text is one, also ``null`` and ``NA``. A label is a class's id, its name in any case, or
    an abbreviation of at least three letters. Raises CsvError.
    """
    path = find_split(source, split)
    if path is None:
        names = " or ".join(f"{name}{SUFFIX}" for name in SPLIT_NAMES[split])
        raise CsvError(f"split {split} is missing: the folder has no {names}")
    texts: list[str] = []
    numbers: list[int] = []
    for row, text, label in _rows(path):
        if not text.strip():
            raise CsvError(f"{path.name}, row {row}: column text is empty")
        number = _class_id(label, labels)
        if number is None:
            raise CsvError(f"{path.name}, row {row}: column label holds {label!r}")
        texts.append(text)
        numbers.append(number)
    return texts, numbers


def _csv_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == SUFFIX)


def _rows(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield number, text and label of each row that is not blank. Raises CsvError."""
    content = _decoded(path)
    reader = csv.reader(
        io.StringIO(content, newline=""), delimiter=_delimiter(path, content), strict=True
    )
    row = 0
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        row, (text, label) = 1, map(header.index, COLUMNS)
        for row, fields in enumerate(reader, start=2):
            if not fields:
                continue
            if len(fields) != len(header):
                raise CsvError(
                    f"{path.name}, row {row}: {len(fields)} fields, but the header has "
                    f"{len(header)}; quote a text that holds the delimiter or quotes"
                )
            yield row, fields[text], fields[label]
    except csv.Error as error:
        raise CsvError(
            f"{path.name}, row {row + 1} (line {reader.line_num}): {error}; put quotes around a "
            "text that holds quotes, and write those twice"
        ) from error


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CsvError(f"{path.name}, line {line}: no UTF-8; save the file as UTF-8") from error


def _delimiter(path: Path, content: str) -> str:
    """Return what parts the columns of the header. Raises CsvError if a column is missing."""
    header = _LINE_END.split(content, maxsplit=1)[0]
    for delimiter in reversed(DELIMITERS):
        names = [name.strip(' "').lower() for name in header.split(delimiter)]
        if set(COLUMNS) <= set(names):
            return delimiter
    missing = " and ".join(name for name in COLUMNS if name not in names)
    raise CsvError(f"{path.name}, row 1: the header {header!r} has no column {missing}")


def _class_id(label: str, labels: Sequence[str]) -> int | None:
    number = _NUMBER.fullmatch(label.strip())
    if number is not None:
        return int(number[1]) if int(number[1]) < len(labels) else None
    name = parse_label(label, labels)
    return None if name is None else labels.index(name)
