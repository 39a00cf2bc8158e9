"""Disks: whether a folder can be made, and lies where SQLite's locks and its log of changes can be relied on."""

from __future__ import annotations

import os
from pathlib import Path

from nasgen.errors import InputError

NETWORK = (
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "fuse.glusterfs",
    "fuse.goofys",
    "fuse.gcsfuse",
    "fuse.juicefs",
    "fuse.mount-s3",
    "fuse.mountpoint-s3",
    "fuse.s3fs",
    "fuse.sshfs",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "panfs",
    "pvfs2",
    "smb3",
    "smbfs",
    "wekafs",
)
"""Types of file systems, as Linux names them, on which two machines may write at once."""

MOUNTS = Path("/proc/self/mounts")


def check_local(path: Path) -> None:
    """Refuse a folder on a network file system, where a store can be damaged by what SQLite relies on.

    Nothing is refused where the system does not tell (not Linux).

    Raises
    ------
    InputError
        Saying what to do instead.
    """
    found = file_system(path)
    if found in NETWORK:
        raise InputError(
            f"a run needs a local disk, found {path} on {found}: give --out on a local disk, "
            f"and --mirror {path.absolute().as_uri()} for a copy there"
        )


def file_system(path: Path) -> str:
    """The type of the file system that holds a path, or will hold it; empty where the system does not tell."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    place = path.resolve()
    best, found = -1, ""
    for line in lines:
        _, mounted, kind, *_ = line.split(" ")
        point = Path(os.fsdecode(mounted.encode("utf-8", "surrogateescape").decode("unicode_escape").encode("latin-1")))
        # of two mounts at one place the later hides the earlier
        if (place == point or point in place.parents) and len(point.parts) >= best:
            best, found = len(point.parts), kind
    return found


def check_folder(folder: Path) -> None:
    """Refuse what cannot become a folder, before anything is computed."""
    taken = next((path for path in (folder, *folder.parents) if path.exists()), None)
    if taken is not None and not taken.is_dir():
        raise InputError(f"--out expects a folder, found a file {taken}: name another")
