"""What labels the table of predictions can keep."""

from collections.abc import Sequence

from db.database.schema import MAX_LABEL_CHARACTERS
from db.prediction import NOT_STORABLE
from db.settings import SettingsError


class LabelError(SettingsError):
    """The model has a label that no database would take: each of its rows would be refused."""

    def __init__(self, label: str, problem: str) -> None:
        super().__init__(
            f"MODEL_TAG names a model whose label {label!r}",
            problem,
            "Rename the label in id2label of its config.json, or serve another model",
        )


def check_labels(labels: Sequence[str]) -> None:
    """Check that predictions with these labels can be stored. Raises LabelError.

    Characters are counted in UTF-16, as SQL Server does; other databases take no fewer.
    """
    for label in labels:
        characters = len(label.encode("utf-16-le", "surrogatepass")) // 2
        if characters > MAX_LABEL_CHARACTERS:
            raise LabelError(
                label,
                f"has {characters} characters, more than the {MAX_LABEL_CHARACTERS} of its column",
            )
        if NOT_STORABLE.search(label):
            raise LabelError(label, "has a character that cannot be stored")
