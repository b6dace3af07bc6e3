"""Responses of the stand-in to reading requests: accounts, repositories, trees, files."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tests.support.hub.messages import Answer, RefusalError, Request
from tests.support.hub.storage import Commit, File, Repository

if TYPE_CHECKING:
    from tests.support.hub.server import Hub

POINTER_BYTES = 130


def whoami(_: "Hub", request: Request) -> Answer:
    """Return the account of the token."""
    if request.account is None:
        raise RefusalError(401, "Invalid username or password.")
    role = "write" if request.account.may_write else "read"
    token = {"accessToken": {"displayName": "a token", "role": role}}
    return Answer.of({"type": "user", "name": request.account.user, "orgs": [], "auth": token})


def info(hub: "Hub", request: Request) -> Answer:
    """Describe a repository at a revision."""
    repository, commit = _commit(hub, request)
    return Answer.of(
        {
            "id": repository.repo_id,
            "sha": commit.sha,
            "private": repository.is_private,
            "gated": False,
            "disabled": False,
            "tags": [],
            "createdAt": _time(repository.commits[0]),
            "lastModified": _time(commit),
            "siblings": [{"rfilename": name} for name in commit.files],
        }
    )


def tree(hub: "Hub", request: Request) -> Answer:
    """List a folder, with ``recursive`` also its subfolders."""
    _, commit = _commit(hub, request)
    folder = PurePosixPath(request["path"])
    everything = request.query.get("recursive", "").lower() in ("true", "1")
    found = [
        entry
        for entry in _entries(commit.files)
        if folder in (parents := PurePosixPath(entry["path"]).parents)
        and (everything or parents[0] == folder)
    ]
    if not found:
        raise RefusalError(
            404, f"{folder} does not exist on {request['revision']}", "EntryNotFound"
        )
    return Answer.of(found)


def paths_info(hub: "Hub", request: Request) -> Answer:
    """Describe the existing ones of some paths."""
    _, commit = _commit(hub, request)
    is_form = "form" in request.headers.get("Content-Type", "")
    paths = request.form.get("paths", []) if is_form else request.json()["paths"]
    return Answer.of([entry for entry in _entries(commit.files) if entry["path"] in paths])


def refs(hub: "Hub", request: Request) -> Answer:
    """List branches and tags."""
    repository = hub.readable(request)
    main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repository.head.sha}
    tags = [
        {"name": name, "ref": f"refs/tags/{name}", "targetCommit": sha}
        for name, sha in repository.tags.items()
    ]
    return Answer.of({"branches": [main], "converts": [], "tags": tags})


def resolve(hub: "Hub", request: Request) -> Answer:
    """Return a file, or a range of its bytes."""
    _, commit = _commit(hub, request)
    file = commit.files.get(request["path"])
    if file is None:
        raise RefusalError(404, "Entry not found", "EntryNotFound")
    headers = {
        "ETag": f'"{file.etag}"',
        "X-Repo-Commit": commit.sha,
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
    }
    if file.is_lfs:
        headers |= {"X-Linked-Size": str(len(file.content)), "X-Linked-ETag": f'"{file.sha256}"'}
    return _part(file.content, headers, request.headers.get("Range"))


def _part(content: bytes, headers: Mapping[str, str], asked: str | None) -> Answer:
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "")
    if wanted is None:
        return Answer(content, 200, headers)
    start, end = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
    if start > end:
        raise RefusalError(416, "Range not satisfiable")
    place = {"Content-Range": f"bytes {start}-{end}/{len(content)}"}
    return Answer(content[start : end + 1], 206, {**headers, **place})


def _commit(hub: "Hub", request: Request) -> tuple[Repository, Commit]:
    repository = hub.readable(request)
    revision = request["revision"] if "revision" in request.parts else "main"
    commit = repository.find(revision)
    if commit is None:
        raise RefusalError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    return repository, commit


def _entries(files: Mapping[str, File]) -> Iterator[dict]:
    folders = {parent for name in files for parent in PurePosixPath(name).parents[:-1]}
    for folder in sorted(folders):
        yield {"type": "directory", "oid": "0" * 40, "size": 0, "path": str(folder)}
    for name, file in files.items():
        entry = {"type": "file", "oid": file.etag[:40], "size": len(file.content), "path": name}
        if file.is_lfs:
            size = len(file.content)
            entry["lfs"] = {"oid": file.sha256, "size": size, "pointerSize": POINTER_BYTES}
        yield entry


def _time(commit: Commit) -> str:
    return commit.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
