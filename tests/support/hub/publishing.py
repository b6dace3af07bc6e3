"""Publish small champions to the stand-in for the Hub."""

from pathlib import Path

from tests.support.hub import Hub
from training.hub.manifest import MANIFEST
from training.hub.push import PublishedCommit, push_to_hf
from training.hub.repository import HubRepository

NAME = "us/sentiment"
CARD = b"---\nlicense: apache-2.0\n---\n# Tweets\n"
RESUME = r"Then run `python -m training\.publish`, which resumes the publication"


def make_champion(folder: Path) -> Path:
    """Write a folder with the kinds of files of a champion, whose contents depend on its name."""
    name = folder.name
    (folder / "plots").mkdir(parents=True)
    (folder / "README.md").write_bytes(CARD)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "best_metrics.json").write_text(f'{{"by": "{name}"}}', encoding="utf-8")
    (folder / "model.safetensors").write_bytes(name.encode() * 20_000)
    (folder / "plots" / "confusion.png").write_bytes(name.encode() * 2_000)
    return folder


def push(
    folder: Path, repository: HubRepository, parent: str | None = None, tag: str = "v1"
) -> PublishedCommit:
    """Publish a folder."""
    return push_to_hf(folder, repository, parent_commit=parent, tag=tag, message="A better one")


def content(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def on_hub(hub: Hub, revision: str = "main") -> dict[str, bytes]:
    """Return the files of the repository without .gitattributes and the manifest."""
    files = hub.files(NAME, revision)
    return {name: data for name, data in files.items() if name not in (".gitattributes", MANIFEST)}
