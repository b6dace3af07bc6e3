"""A champion is kept until its publication."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from training.files import Files
from training.hub.repository import HubRepository, RepoCommit
from training.hub.snapshot import HubSnapshot
from training.promotion.release import Release, ReleaseError, prune

TAG = "sentiment:abc"
REPOSITORY = HubRepository("somebody/tweets", "hf_token")


def view(*files: str) -> HubSnapshot:
    """Return a repository whose head has these files."""
    return HubSnapshot(REPOSITORY, RepoCommit("0123", files), None)


@pytest.fixture(name="files")
def fixture_files(tmp_path):
    """Return where runs write."""
    return Files(tmp_path)


@pytest.mark.parametrize(
    ("present", "parent"), [(["README.md"], None), (["README.md", "best_metrics.json"], "0123")]
)
def test_a_release_records_the_commit_that_it_was_compared_with(files, present, parent):
    release = Release.of(files, TAG)

    with release.draft(view(*present)) as folder:
        (folder / "README.md").write_text("a card")

    assert files.releases / "abc" == release.folder
    assert "a card" == (release.files / "README.md").read_text()
    assert {"repo_id": "somebody/tweets", "parent_commit": parent} == json.loads(
        (release.folder / "compared.json").read_text()
    )


def test_a_failed_draft_is_not_a_release(files):
    release = Release.of(files, TAG)

    with pytest.raises(OSError, match="full"), release.draft(view()):
        raise OSError("the disk is full")

    assert not release.folder.exists()


def test_files_of_a_killed_draft_do_not_get_into_the_next(files):
    release = Release.of(files, TAG)
    remains = files.releases / ".abc" / "files" / "old.bin"
    remains.parent.mkdir(parents=True)
    remains.touch()

    with release.draft(view()) as folder:
        (folder / "new.bin").touch()

    assert ["new.bin"] == [path.name for path in release.files.iterdir()]


def test_a_release_is_not_published_to_another_repository(files):
    release = Release.of(files, TAG)
    with release.draft(view()):
        pass

    with pytest.raises(ReleaseError, match="'somebody/tweets' on the Hub, not with 'a/b'"):
        release.publish(HubRepository("a/b", "hf_token"))


def test_all_releases_but_the_champions_are_deleted(files):
    for name in ("abc", "old", ".draft"):
        (files.releases / name).mkdir(parents=True)

    prune(files, TAG)

    assert [files.releases / "abc"] == list(files.releases.iterdir())


def test_a_release_waits_until_it_is_published(files):
    release = Release.of(files, TAG)
    assert not release.waits_for(view())

    with release.draft(view()):
        pass

    assert release.waits_for(view())
    assert not release.waits_for(replace(view(), publish_blocker="HF_TOKEN is not set"))
    assert not release.waits_for(replace(view(), repository=HubRepository("a/b", "hf_token")))
    release.published_file.write_text("{}")
    assert not release.waits_for(view())
