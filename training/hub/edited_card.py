"""What becomes of a model card that people have edited on the Hub."""

from typing import Any

from huggingface_hub import ModelCard

CARD = "README.md"
GENERATED = {
    "base_model",
    "datasets",
    "language",
    "library_name",
    "metrics",
    "model-index",
    "pipeline_tag",
    "tags",
}
"""What the head of a new card says for itself; the rest of an edited one, as its licence, stays."""


def with_edits(new: str, edited: str) -> str:
    """Return a new card whose YAML head also has what people added to that of the old one."""
    try:
        added: dict[str, Any] = ModelCard(edited, ignore_metadata_errors=True).data.to_dict()
        card: Any = ModelCard(new)
    except Exception:  # pylint: disable=broad-exception-caught  # no YAML, whose parser raises its own
        return new
    kept = {key: value for key, value in added.items() if key not in GENERATED}
    tags = [tag for tag in added.get("tags") or () if tag not in (card.data.tags or ())]
    if not kept and not tags:
        return new
    for key, value in kept.items():
        setattr(card.data, key, value)
    card.data.tags = [*(card.data.tags or ()), *tags]
    return str(card)


def has_text(card: str) -> bool:
    """Return whether a card says anything below its head."""
    head, rule, text = card.removeprefix("---\n").partition("\n---")
    return bool((text if rule and card.startswith("---\n") else head).strip())
