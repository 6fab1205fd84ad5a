"""Where credentials for other places come from, for `imgpar doctor`: names of variables and files only."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from imgpar.cli.check import Check


class Login(NamedTuple):
    """What the libraries of a kind of place look at."""

    variables: tuple[str, ...]
    files: tuple[str, ...] = ()


LOGINS = {
    "s3://": Login(
        (
            "AWS_ACCESS_KEY_ID",
            "AWS_PROFILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        ("~/.aws/credentials", "~/.aws/config"),
    ),
    "gs://": Login(
        ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_KEY"),
        ("~/.config/gcloud/application_default_credentials.json",),
    ),
    "az://": Login(
        (
            "AZURE_STORAGE_ACCOUNT_KEY",
            "AZURE_STORAGE_SAS_KEY",
            "AZURE_STORAGE_SAS_TOKEN",
            "AZURE_STORAGE_TOKEN",
            "AZURE_CLIENT_ID",
        ),
    ),
    "sftp://": Login(
        ("SSH_AUTH_SOCK",), ("~/.ssh/config", "~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
    ),
    "proxy": Login(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")),
}
"""Kind of place → where its credentials come from."""


def check_credentials(environment: Mapping[str, str] = os.environ) -> Iterator[Check]:
    """Which of these are there, by name only."""
    for place, login in LOGINS.items():
        found = [name for name in login.variables if environment.get(name)]
        found += [name for name in login.files if os.path.isfile(os.path.expanduser(name))]
        name = "proxy" if place == "proxy" else f"login for {place}"
        if found:
            yield Check("ok", name, f"from {', '.join(found)}")
        else:
            ways = [f"set {' or '.join(login.variables[:3])}", *(f"write {name}" for name in login.files[:1])]
            fix = f"Where it is needed: {', or '.join(ways)}."
            yield Check("off", name, "none found", fix)
