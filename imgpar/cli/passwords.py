"""`--password`, `--password-file` and IMGPAR_PASSWORD: passwords of encrypted documents, which are never
stored."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any

from imgpar.cli.parsing import Once
from imgpar.core.addresses import clean_address, is_address, without_secrets
from imgpar.core.errors import UsageError
from imgpar.core.limits import Secret

VARIABLE = "IMGPAR_PASSWORD"
_FLAG = "--password"


def add_password(add: Callable[..., Any], text: str) -> None:
    """Add the flags; `add` is `add_argument` of a parser or a group, `text` the purpose of the password."""
    words = f"{text}; visible in the process list, unlike {VARIABLE} and --password-file"
    add(_FLAG, action=Once, metavar="TEXT", help=words)
    add(
        "--password-file", action=Once, metavar="FILE", help="read the password from the first line of a file"
    )


def read_password(args: argparse.Namespace) -> Secret | None:
    """The password from the flags or the environment. Raises UsageError."""
    if args.password and args.password_file:
        raise UsageError("--password and --password-file exclude each other.", fix="Leave out one.")
    text = args.password or os.environ.get(VARIABLE, "")
    if args.password_file:
        try:
            with open(args.password_file, encoding="utf-8") as file:
                text = file.readline().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", "") or "it is not UTF-8 text"
            raise UsageError(f"The password in {args.password_file} cannot be read: {reason}.") from None
        if not text:
            raise UsageError(f"The first line of {args.password_file} is empty.", fix="Put it there.")
    return Secret(text) if text else None


def shown_command(name: str, argv: Sequence[str]) -> str:
    """A command line for the journal, without passwords and secrets of addresses.

    >>> shown_command("convert", ["a.pdf", "--password", "sesame", "https://me:word@host/a?token=x"])
    "imgpar convert a.pdf --password '***' https://host/a"
    """
    import shlex

    shown, hidden = ["imgpar", name], False
    for argument in argv:
        shown.append("***" if hidden else clean_address(argument) if is_address(argument) else argument)
        hidden = argument == _FLAG and not hidden
        if argument.startswith(f"{_FLAG}="):
            shown[-1] = f"{_FLAG}=***"
    return shlex.join(map(without_secrets, shown))
