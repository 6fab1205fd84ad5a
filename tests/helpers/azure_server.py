"""A server that speaks the protocol of Azure on loopback: Azurite, which comes from npm."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import os
import shutil
import subprocess
from email.utils import formatdate
from importlib.util import find_spec
from pathlib import Path

from s3_server import free_port, wait_for

PROGRAM = os.environ.get("AZURITE_BLOB") or shutil.which("azurite-blob") or ""
MISSING = "obstore is not installed" if find_spec("obstore") is None else ""
if not (PROGRAM and os.path.exists(PROGRAM)):
    MISSING = MISSING or "Azurite is not installed (npm install azurite; AZURITE_BLOB names azurite-blob)"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Of every Azurite; it is in its documentation."""
VERSION = "2021-12-02"


class AzureServer:
    """An account with the containers that are made."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._process = subprocess.Popen(
            [
                PROGRAM, "--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--location", str(folder),
                "--silent", "--skipApiVersionCheck", "--disableTelemetry",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for(self.port, self._process)

    def environment(self) -> dict[str, str]:
        """What a user of it sets."""
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{self.port}/{ACCOUNT}",
        }

    def container(self, name: str) -> str:
        """Make a container."""
        date = formatdate(usegmt=True)
        signed = "\n".join(
            ["PUT", *[""] * 11, f"x-ms-date:{date}", f"x-ms-version:{VERSION}",
             f"/{ACCOUNT}/{ACCOUNT}/{name}", "restype:container"]
        )  # fmt: skip
        code = hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
        headers = {
            "x-ms-date": date,
            "x-ms-version": VERSION,
            "Content-Length": "0",
            "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(code).decode()}",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("PUT", f"/{ACCOUNT}/{name}?restype=container", headers=headers)
        assert connection.getresponse().status == 201
        connection.close()
        return name

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
