"""A server for SFTP on loopback: sshd of the system, with keys of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

SSHD = shutil.which("sshd") or shutil.which("/usr/sbin/sshd")
MISSING = "" if SSHD and shutil.which("ssh-keygen") else "sshd is not installed (Debian: openssh-server)"
PATIENCE = 10.0

_CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/user_key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
Subsystem sftp internal-sftp
"""


class SftpServer:
    """Serves the files of this machine to the user of the tests.

    Args:
        folder: for its keys, and for the home of who asks (`home`, with .ssh/config and .ssh/known_hosts).
    """

    def __init__(self, folder: Path) -> None:
        assert SSHD
        self.folder, self.home = folder, folder / "home"
        (self.home / ".ssh").mkdir(parents=True)
        for name in ("host_key", "user_key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True
            )
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.config, self.known = self.home / ".ssh" / "config", self.home / ".ssh" / "known_hosts"
        self.trust()
        self.config.write_text(
            f"Host here\n  HostName 127.0.0.1\n  Port {self.port}\n  IdentityFile {folder}/user_key\n"
            f"Host 127.0.0.1\n  IdentityFile {folder}/user_key\n"
        )
        (folder / "sshd_config").write_text(_CONFIG.format(port=self.port, folder=folder))
        Path("/run/sshd").mkdir(exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def trust(self) -> None:
        """Make its key known to who asks."""
        key = (self.folder / "host_key.pub").read_text()
        self.known.write_text(f"[127.0.0.1]:{self.port} {key}")

    def address(self, path: Path | str) -> str:
        """The address of a path of this machine."""
        return f"sftp://127.0.0.1:{self.port}/{str(path).lstrip('/')}"

    def start(self) -> None:
        """Begin to listen."""
        self._process = subprocess.Popen(
            [str(SSHD), "-D", "-e", "-f", str(self.folder / "sshd_config")],
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self._process.poll() is None, "sshd ended"
        raise AssertionError("sshd does not listen")

    def stop(self) -> None:
        """End it, with all connections."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
