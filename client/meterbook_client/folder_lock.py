"""A lock on a folder that its process holds while it lives, however it ends."""

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _try(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


# Somebody has it (on Windows the second), or has just removed it.
_TAKEN = frozenset(
    {errno.EWOULDBLOCK, errno.EACCES, errno.ENOENT}
    if sys.platform == "win32"
    else {errno.EWOULDBLOCK, errno.ENOENT}
)


class FolderLock:
    """The lock on a folder that this process holds."""

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.folder = folder
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, folder: Path) -> "FolderLock | None":
        """Lock the folder, or return None if somebody else has it, or it is gone. Raises OSError if it cannot be locked."""
        path = folder / "lock"
        descriptor = -1
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            _try(descriptor)
            # Whoever had it before may have removed the file between our opening and our locking it.
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                lock, descriptor = cls(folder, descriptor), -1
                return lock
        except OSError as why:
            if why.errno not in _TAKEN:
                raise
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        return None

    def release(self) -> None:
        """Let go, and remove the folder if nothing else is in it."""
        is_empty = (
            {entry.name for entry in self.folder.iterdir()} <= {"lock"} if self.folder.exists() else False
        )
        if is_empty and sys.platform != "win32":
            # Removed while it is held, so that nobody can lock a file that is about to go.
            self._remove()
        self.forget()
        if is_empty and sys.platform == "win32":
            self._remove()

    def forget(self) -> None:
        """Close the file without unlocking it: in a forked child the lock stays its parent's."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _remove(self) -> None:
        with suppress(OSError):
            (self.folder / "lock").unlink()
            self.folder.rmdir()
