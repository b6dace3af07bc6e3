"""Requests that change the stand-in: repositories, large files, commits, tags."""

import base64
import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any

from tests.support.hub.messages import Answer, RefusalError, Request
from tests.support.hub.storage import File, Repository, goes_to_lfs

if TYPE_CHECKING:
    from tests.support.hub.server import Hub


def create(hub: "Hub", request: Request) -> Answer:
    """Make a repository with its first commit."""
    asked = request.json()
    owner = asked["organization"] or (request.account.user if request.account else "")
    repository = Repository(
        f"{owner}/{asked['name']}",
        f"{asked.get('type') or 'model'}s",
        asked.get("visibility") == "private",
    )
    hub.check_may_write(request.account, owner)
    with hub.lock:
        if (repository.kind, repository.repo_id) in hub.repositories:
            raise RefusalError(409, "You already created this model repo")
        hub.repositories[repository.kind, repository.repo_id] = repository
    return Answer.of({"url": f"{hub.url}/{repository.repo_id}"})


def validate_card(_: "Hub", request: Request) -> Answer:
    """Check that a README.md has YAML metadata."""
    if request.json()["content"].startswith("---\n"):
        return Answer.of({"errors": [], "warnings": []})
    return Answer.of({"errors": [], "warnings": [{"message": "empty or missing yaml metadata"}]})


def preupload(hub: "Hub", request: Request) -> Answer:
    """Return which files to upload by LFS, and the current id of each."""
    files = hub.writable(request).head.files
    return Answer.of(
        {
            "files": [
                {
                    "path": asked["path"],
                    "uploadMode": "lfs" if goes_to_lfs(asked["path"], asked["size"]) else "regular",
                    "shouldIgnore": False,
                    "oid": files[asked["path"]].etag if asked["path"] in files else None,
                }
                for asked in request.json()["files"]
            ]
        }
    )


def lfs_batch(hub: "Hub", request: Request) -> Answer:
    """Say where to put those big files that are not here yet."""
    hub.writable(request)
    objects = []
    for asked in request.json()["objects"]:
        answer = {"oid": asked["oid"], "size": asked["size"]}
        if asked["oid"] not in hub.blobs:
            ticket = secrets.token_hex(8)
            hub.tickets[ticket] = (asked["oid"], asked["size"])
            place = f"{hub.url}/{request['repo_id']}.git/info/lfs/objects/verify"
            answer["actions"] = {
                "upload": {"href": f"{hub.url}/lfs/{ticket}", "header": {}},
                "verify": {"href": place, "header": {}},
            }
        objects.append(answer)
    return Answer.of({"transfer": "basic", "objects": objects})


def lfs_put(hub: "Hub", request: Request) -> Answer:
    """Keep a big file, if it is what was announced; like a signed address, it asks no token."""
    if request["ticket"] not in hub.tickets:
        raise RefusalError(403, "Request has expired")
    oid, size = hub.tickets[request["ticket"]]
    if (hashlib.sha256(request.body).hexdigest(), len(request.body)) != (oid, size):
        raise RefusalError(400, "The content does not match its hash or size")
    hub.blobs[oid] = request.body
    return Answer(headers={"ETag": f'"{oid}"'})


def lfs_verify(hub: "Hub", request: Request) -> Answer:
    """Confirm that a big file has arrived."""
    hub.writable(request)
    asked = request.json()
    if len(hub.blobs.get(asked["oid"], b"")) != asked["size"]:
        raise RefusalError(404, "The object was not uploaded")
    return Answer.of({})


def commit(hub: "Hub", request: Request) -> Answer:
    """Change a repository's files all at once, unless another commit came before."""
    header, *operations = [json.loads(line) for line in request.body.splitlines()]
    with hub.lock:
        repository = hub.writable(request)
        parent = header["value"].get("parentCommit", repository.head.sha)
        if parent != repository.head.sha:
            raise RefusalError(412, "A commit has happened since. Please refresh and try again.")
        changes = dict(_change(hub, repository, operation) for operation in operations)
        made = repository.commit(changes, header["value"]["summary"])
    place = f"{hub.url}/{repository.repo_id}/commit/{made.sha}"
    return Answer.of({"success": True, "commitOid": made.sha, "commitUrl": place, "hookOutput": ""})


def tag(hub: "Hub", request: Request) -> Answer:
    """Create a tag, which must be new."""
    repository, name = hub.writable(request), request.json()["tag"]
    target = repository.find(request["revision"])
    if target is None:
        raise RefusalError(404, f"Invalid rev id: {request['revision']}", "RevisionNotFound")
    with hub.lock:
        if name in repository.tags:
            raise RefusalError(409, f"Reference already exists: refs/tags/{name}")
        repository.tags[name] = target.sha
    return Answer.of({})


def _change(
    hub: "Hub", repository: Repository, operation: dict[str, Any]
) -> tuple[str, File | None]:
    kind, value = operation["key"], operation["value"]
    if kind == "file":
        return value["path"], File(base64.b64decode(value["content"]), is_lfs=False)
    if kind == "lfsFile":
        if value["oid"] not in hub.blobs:
            raise RefusalError(400, f"{value['path']} points to a file that was not uploaded")
        return value["path"], File(hub.blobs[value["oid"]], is_lfs=True)
    if kind == "deletedFile":
        if value["path"] not in repository.head.files:
            raise RefusalError(404, "A file with this name doesn't exist", "EntryNotFound")
        return value["path"], None
    raise RefusalError(400, f"The stand-in does not implement {kind}")
