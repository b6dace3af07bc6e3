"""Read labelled tweets from a folder with a CSV file for each split."""

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
"""File names of each split, without ``.csv``, in any case."""

SUFFIX = ".csv"
COLUMNS = ("text", "label")
DELIMITERS = (",", ";", "\t")
_LINE_END = re.compile(r"[\r\n]")
_CLASS_ID = re.compile(r"([0-9]+)(?:\.0+)?")  # pandas writes 1.0 if another row has no number


class CsvError(ValueError):
    """A CSV file is malformed; the message names file, row and column.

    The header is row 1, as in a spreadsheet.
    """


def is_csv_folder(source: str) -> bool:
    """Return whether a source is a CSV file, or a folder with the CSV file of a split.

    A folder with other CSV files is one unless it also has parquet files.
    """
    path = Path(source)
    if path.is_file():
        return path.suffix.lower() == SUFFIX
    found = _csv_files(path)
    splits = {name for names in SPLIT_NAMES.values() for name in names}
    has_split = any(file.stem.lower() in splits for file in found)
    return has_split or (bool(found) and not any(path.rglob("*.parquet")))


def find_split(source: str, split: str) -> Path | None:
    """Return the file of a split, or None. Raises CsvError if there are several."""
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

    ``null`` and ``NA`` are texts, not missing values. A label is a class id, a name in any case, or
    an abbreviation of at least three letters. Raises CsvError.
    """
    path = find_split(source, split)
    if path is None:
        names = " or ".join(f"{name}{SUFFIX}" for name in SPLIT_NAMES[split])
        raise CsvError(f"split {split} is missing: the folder has no {names}")
    texts: list[str] = []
    class_ids: list[int] = []
    for row, text, label in _rows(path):
        if not text.strip():
            raise CsvError(f"{path.name}, row {row}: column text is empty")
        class_id = _class_id(label, labels)
        if class_id is None:
            raise CsvError(f"{path.name}, row {row}: column label has the value {label!r}")
        texts.append(text)
        class_ids.append(class_id)
    return texts, class_ids


def _csv_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == SUFFIX)


def _rows(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield number, text and label of each non-blank row. Raises CsvError."""
    content = _decode(path)
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
                    f"{len(header)}; quote texts that contain the delimiter or quotes"
                )
            yield row, fields[text], fields[label]
    except csv.Error as error:
        raise CsvError(
            f"{path.name}, row {row + 1} (line {reader.line_num}): {error}; quote texts that "
            "contain quotes, and double those quotes"
        ) from error


def _decode(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CsvError(f"{path.name}, line {line}: not UTF-8; save the file as UTF-8") from error


def _delimiter(path: Path, content: str) -> str:
    """Return the delimiter of the header. Raises CsvError if a column is missing."""
    header = _LINE_END.split(content, maxsplit=1)[0]
    for delimiter in reversed(DELIMITERS):
        names = [name.strip(' "').lower() for name in header.split(delimiter)]
        if set(COLUMNS) <= set(names):
            return delimiter
    missing = " and ".join(name for name in COLUMNS if name not in names)
    raise CsvError(f"{path.name}, row 1: the header {header!r} has no column {missing}")


def _class_id(label: str, labels: Sequence[str]) -> int | None:
    number = _CLASS_ID.fullmatch(label.strip())
    if number is not None:
        return int(number[1]) if int(number[1]) < len(labels) else None
    name = parse_label(label, labels)
    return None if name is None else labels.index(name)
