"""`imgpar completion`: scripts with which shells complete commands, flags and values."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import resources

from imgpar.cli.completing import SHELLS, reply_lines
from imgpar.cli.parsing import Parser
from imgpar.core.errors import UsageError, bad_value

_SUFFIXES = {"bash": "bash", "zsh": "zsh", "fish": "fish", "powershell": "ps1"}
DESCRIPTION = """\
Print a script with which a shell completes commands, flags, values and paths. Install it with one of:

  bash        echo 'eval "$(imgpar completion bash)"' >> ~/.bashrc
  zsh         echo 'eval "$(imgpar completion zsh)"' >> ~/.zshrc     (after compinit)
  fish        imgpar completion fish > ~/.config/fish/completions/imgpar.fish
  PowerShell  Add-Content $PROFILE 'imgpar completion powershell | Out-String | Invoke-Expression'

The script asks imgpar each time, so it stays valid when imgpar or a package that extends it changes."""


def completion_parser() -> Parser:
    """The parser of `imgpar completion`."""
    return Parser("completion", "|".join(SHELLS), DESCRIPTION)


def completion_command(argv: Sequence[str]) -> int:
    """Print the script of a shell; with `--` the candidates for the last of the words behind it."""
    end = list(argv).index("--") if "--" in argv else len(argv)
    _, rest = completion_parser().parse(argv[:end])
    if len(rest) != 1:
        raise UsageError("imgpar completion takes one shell.", fix=f"Name one of {', '.join(SHELLS)}.")
    if rest[0] not in SHELLS:
        raise bad_value("the shell", f"one of {', '.join(SHELLS)}", rest[0], SHELLS)
    if end < len(argv):
        sys.stdout.writelines(f"{line}\n" for line in reply_lines(rest[0], argv[end + 1 :]))
        return 0
    print(script(rest[0]), end="")
    return 0


def script(shell: str) -> str:
    """The script of a shell."""
    return (resources.files("imgpar.cli") / "shells" / f"imgpar.{_SUFFIXES[shell]}").read_text("utf-8")
