"""`imgpar completion`: scripts with which shells complete commands, flags and values."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING

from imgpar.cli.commands import SHELLS
from imgpar.core.error_messages import bad_value
from imgpar.core.errors import UsageError

if TYPE_CHECKING:
    from imgpar.cli.parsing import Parser

DESCRIPTION = """\
Print a script with which a shell completes commands, flags, values and paths. Install it with one of:

  bash        echo 'eval "$(imgpar completion bash)"' >> ~/.bashrc
  zsh         echo 'eval "$(imgpar completion zsh)"' >> ~/.zshrc     (after compinit)
  fish        imgpar completion fish > ~/.config/fish/completions/imgpar.fish
  PowerShell  Add-Content $PROFILE 'imgpar completion powershell | Out-String | Invoke-Expression'

The script asks imgpar each time, so it stays valid when imgpar or a package that extends it changes."""


def completion_parser() -> Parser:
    """The parser of `imgpar completion`."""
    from imgpar.cli.parsing import Parser

    return Parser("completion", "|".join(SHELLS), DESCRIPTION)


def completion_command(argv: Sequence[str]) -> int:
    """Print the script of a shell; with `--` the candidates for the last of the words behind it."""
    end = list(argv).index("--") if "--" in argv else len(argv)
    # At the start of a shell nothing is loaded that a script does not need.
    rest = list(argv[:1]) if end == 1 and argv[0] in SHELLS else completion_parser().parse(argv[:end])[1]
    if len(rest) != 1:
        raise UsageError("imgpar completion takes one shell.", fix=f"Name one of {', '.join(SHELLS)}.")
    if rest[0] not in SHELLS:
        raise bad_value("the shell", f"one of {', '.join(SHELLS)}", rest[0], SHELLS)
    if end < len(argv):
        from imgpar.cli.completing import reply_lines

        sys.stdout.writelines(f"{line}\n" for line in reply_lines(rest[0], argv[end + 1 :]))
        return 0
    print(script(rest[0]), end="")
    return 0


def script(shell: str) -> str:
    """The script of a shell."""
    return (resources.files("imgpar.cli") / "shells" / f"imgpar.{SHELLS[shell]}").read_text("utf-8")
