"""Folders of a machine with SSH, by paramiko.

User, port, keys and jumps come from ~/.ssh/config, the agent and the usual files; the host has to be known.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from operator import methodcaller
from typing import Any, TypeVar

from imgpar.core.addresses import without_secrets
from imgpar.inputs.stores.client import (
    RETRIES,
    ChangedError,
    StoredFile,
    StoreListing,
    Upload,
    failure,
    pause,
    store_library,
)

CHANNELS = 8
"""Files that are read or written at once; servers allow 10 for one connection."""
SECONDS = 30.0
"""For a connection, and without any data."""
BLOCK = 1 << 20
STALE = 24 * 3600
"""Seconds after which a temporary file that nobody has written to is removed."""
_TEMPORARY = ".imgpar-"

T = TypeVar("T")


class _BrokenError(OSError):
    """A connection that broke, or was not made."""


class SftpClient:
    """One host; see `Client`."""

    def __init__(self, scheme: str, host: str, user: str = "", retries: int = RETRIES) -> None:
        self._paramiko = store_library("paramiko", scheme)
        name, _, port = host.rpartition(":") if host.rpartition(":")[2].isdigit() else (host, "", "")
        self._host, self._port, self._user = name.strip("[]"), int(port or 0), user
        self._connecting = threading.Lock()
        self._places = threading.BoundedSemaphore(CHANNELS)
        self._ssh: Any = None
        self._retries, self._has_connected = retries, False
        self._idle: list[Any] = []
        self._swept: set[str] = set()

    def folder(self, path: str) -> StoreListing:
        """As `Client.folder`."""
        try:
            entries = self._asked(lambda sftp: sftp.listdir_attr(_full(path)))
        except FileNotFoundError:
            return StoreListing((), ())
        files, folders = list[StoredFile](), list[str]()
        for entry in entries:
            mode = entry.st_mode or 0
            if stat.S_ISLNK(mode):  # a link to a file is followed, one to a folder is not
                found = self.find(f"{path}/{entry.filename}")
                files += [found] if found else []
            elif stat.S_ISDIR(mode):
                folders.append(entry.filename)
            elif stat.S_ISREG(mode):
                files.append(_found(entry.filename, entry))
        return StoreListing(files, folders)

    def find(self, path: str) -> StoredFile | None:
        """As `Client.find`."""
        try:
            status = self._asked(lambda sftp: sftp.stat(_full(path)))
        except FileNotFoundError:
            return None
        return _found(path.rpartition("/")[2], status) if stat.S_ISREG(status.st_mode or 0) else None

    def read(self, path: str, start: int, end: int, found: StoredFile) -> bytes:
        """As `Client.read`."""

        def read(sftp: Any) -> bytes:
            with sftp.open(_full(path), "rb") as file:
                _check(file.stat(), found)
                file.seek(start)
                data: bytes = file.read(end - start)
            return data

        data = self._asked(read)
        if len(data) != end - start:
            raise failure(ChangedError, "It was changed while it was read")
        return data

    def blocks(self, path: str, found: StoredFile) -> Iterator[bytes]:
        """As `Client.blocks`."""
        for start in range(0, found.size, 16 * BLOCK):
            yield self._asked(partial(_part, path=path, start=start, found=found))

    def put(self, path: str, upload: Upload) -> None:
        """As `Client.put`: a temporary file in the same folder, which then gets its name."""
        folder, _, _ = path.rpartition("/")
        temporary = f"{folder}/{_TEMPORARY}{secrets.token_hex(8)}.tmp"

        def put(sftp: Any) -> None:
            _make_folders(sftp, folder)
            try:
                done = sftp.put(upload.path, _full(temporary), confirm=True)
                if done.st_size != upload.size:
                    raise failure(OSError, "It was not stored completely")
                if upload.new:  # fails where the name is taken
                    _named(sftp, temporary, path)
                else:
                    sftp.posix_rename(_full(temporary), _full(path))
            except BaseException:
                with contextlib.suppress(Exception):
                    sftp.remove(_full(temporary))
                raise

        self._sweep(folder)
        self._asked(put)

    def close(self) -> None:
        """End the connection; the next request makes another."""
        self._drop(self._ssh)

    def _drop(self, ssh: Any) -> None:
        """End a connection, if it is still the one in use."""
        with self._connecting:
            if ssh is None or ssh is not self._ssh:
                return
            self._ssh, self._idle = None, []
        ssh.close()

    def _sweep(self, folder: str) -> None:
        """Remove what killed runs left in a folder: temporary files that nobody has written to for a day, by
        the clock of the server."""
        if folder in self._swept:
            return
        self._swept.add(folder)
        with contextlib.suppress(OSError):
            entries = self._asked(lambda sftp: sftp.listdir_attr(_full(folder)))
            latest = max((entry.st_mtime or 0 for entry in entries), default=0)
            for entry in entries:
                old = (entry.st_mtime or latest) < min(latest, time.time()) - STALE
                if entry.filename.startswith(_TEMPORARY) and entry.filename.endswith(".tmp") and old:
                    self._asked(methodcaller("remove", _full(f"{folder}/{entry.filename}")))

    def _asked(self, request: Callable[[Any], T]) -> T:
        """The answer to a request, which is made again where the connection breaks."""
        retries = (
            self._retries if self._has_connected else min(self._retries, 1)
        )  # else a wrong address waits
        for attempt in range(retries + 1):
            if attempt:
                pause(attempt)
            ssh = None
            try:
                with self._places, self._plain_errors():
                    ssh = self._connection()
                    with self._channel(ssh) as sftp:
                        return request(sftp)
            except _BrokenError:
                self._drop(ssh)
        raise failure(ConnectionError, f"There is no connection to {self._host}")

    def _connection(self) -> Any:
        with self._connecting:
            if self._ssh is None:
                self._ssh, self._has_connected = self._connected(), True
            return self._ssh

    @contextlib.contextmanager
    def _channel(self, ssh: Any) -> Iterator[Any]:
        """A channel that no other thread uses; kept for the next request unless it broke."""
        with self._connecting:
            sftp = self._idle.pop() if self._idle and ssh is self._ssh else None
        if sftp is None:
            sftp = ssh.open_sftp()
            sftp.get_channel().settimeout(SECONDS)
        try:
            yield sftp
        except OSError as error:
            if error.errno is None:
                raise
            self._keep(ssh, sftp)  # the server said no
            raise
        self._keep(ssh, sftp)

    def _keep(self, ssh: Any, sftp: Any) -> None:
        with self._connecting:
            if ssh is self._ssh:
                self._idle.append(sftp)

    def _connected(self) -> Any:
        paramiko = self._paramiko
        config = paramiko.SSHConfig()
        for name in ("~/.ssh/config", "/etc/ssh/ssh_config"):
            with contextlib.suppress(OSError):
                config = paramiko.SSHConfig.from_path(os.path.expanduser(name))
                break
        of_host = config.lookup(self._host)
        ssh = paramiko.SSHClient()
        known = of_host.get("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2").split()
        for name in ("/etc/ssh/ssh_known_hosts", *known):
            with contextlib.suppress(OSError):
                ssh.load_system_host_keys(os.path.expanduser(name))
        ssh.set_missing_host_key_policy(paramiko.RejectPolicy())
        jump = of_host.get("proxycommand")
        ssh.connect(
            of_host.get("hostname", self._host),
            self._port or int(of_host.get("port", 22)),
            self._user or of_host.get("user"),
            key_filename=of_host.get("identityfile"),
            sock=paramiko.ProxyCommand(jump) if jump else None,
            timeout=SECONDS,
            banner_timeout=SECONDS,
            auth_timeout=SECONDS,
            channel_timeout=SECONDS,
        )
        return ssh

    @contextlib.contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """Turn the exceptions of paramiko into those of a file system, and into _BrokenError."""
        ssh = self._paramiko.ssh_exception
        try:
            yield
        except (ssh.BadHostKeyException, ssh.AuthenticationException, ssh.SSHException) as error:
            if words := self._why_refused(error):
                raise failure(PermissionError, words) from None
            raise _BrokenError from None
        except (EOFError, ConnectionError, TimeoutError, ssh.NoValidConnectionsError):
            raise _BrokenError from None
        except FileNotFoundError:
            raise failure(FileNotFoundError, "It is not there") from None
        except PermissionError:
            raise failure(PermissionError, f"{self._host} refuses access") from None
        except OSError as error:
            if error.errno is not None:
                raise
            if "closed" in str(error).lower():
                raise _BrokenError from None
            raise failure(OSError, without_secrets(str(error)) or "The server refuses it") from None

    def _why_refused(self, error: Exception) -> str:
        """One sentence for a connection that another attempt would not make; empty for others."""
        ssh = self._paramiko.ssh_exception
        if isinstance(error, ssh.BadHostKeyException):
            return f"The key of {self._host} is not the one that is known"
        if "not found in known_hosts" in str(error):
            return f"{self._host} is no known host; connect with ssh once, and confirm its key"
        if isinstance(error, ssh.AuthenticationException) or "No authentication methods" in str(error):
            return f"{self._host} accepts no key of this user"
        return ""


def _full(path: str) -> str:
    """The path on the server; below the home folder after `~`."""
    if path == "~" or path.startswith("~/"):
        return path[2:] or "."
    return f"/{path}"


def _found(name: str, status: Any) -> StoredFile:
    return StoredFile(name, status.st_size or 0, (status.st_mtime or 0) * 10**9)


def _check(status: Any, found: StoredFile) -> None:
    if (status.st_size, (status.st_mtime or 0) * 10**9) != (found.size, found.mtime_ns):
        raise failure(ChangedError, "It was changed since it was listed")


def _part(sftp: Any, *, path: str, start: int, found: StoredFile) -> bytes:
    """A large part of a file, for which many requests are under way at once."""
    wanted = min(16 * BLOCK, found.size - start)
    with sftp.open(_full(path), "rb") as file:
        _check(file.stat(), found)
        if start == 0:
            file.prefetch(wanted)
        file.seek(start)
        data: bytes = file.read(wanted)
        _check(file.stat(), found)
    if len(data) != wanted:
        raise failure(ChangedError, "It was changed while it was read")
    return data


def _make_folders(sftp: Any, folder: str) -> None:
    parts = folder.split("/")
    for count in range(1, len(parts) + 1):
        at = _full("/".join(parts[:count]))
        try:
            sftp.stat(at)
        except FileNotFoundError:
            with contextlib.suppress(OSError):  # another thread made it
                sftp.mkdir(at)


def _named(sftp: Any, temporary: str, path: str) -> None:
    """Give a file its name, which must be free."""
    try:
        sftp.stat(_full(path))
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            sftp.rename(_full(temporary), _full(path))
            return
    raise failure(FileExistsError, "There is something under its name")
