"""The commands, and what is printed where none is named."""

from __future__ import annotations

COMMANDS = {
    "convert": ("imgpar.cli.convert", "resize, convert, strip and watermark files and folders"),
    "frames": ("imgpar.cli.frames", "extract pictures from clips: stills, poster, contact sheet, animation"),
    "assemble": ("imgpar.cli.assemble", "one clip, animation, PDF, TIFF or icon of pictures"),
    "sheet": ("imgpar.cli.sheet", "a contact sheet of pictures and clips"),
    "concat": ("imgpar.cli.concat", "concatenate clips"),
    "compare": ("imgpar.cli.compare", "formats and qualities of a picture side by side, on one page"),
    "watch": ("imgpar.cli.watch", "keep running and convert what is new in folders"),
    "run": ("imgpar.cli.project", "run the tasks of a project, as its imgpar.toml says"),
    "retry": ("imgpar.cli.retry", "repeat the failed inputs of a run"),
    "verify": ("imgpar.cli.verify", "check that the outputs in a folder are unchanged"),
    "undo": ("imgpar.cli.undo", "restore the originals that --in-place replaced"),
    "info": ("imgpar.cli.info", "print the properties of files"),
    "duplicates": ("imgpar.cli.duplicates", "list files of equal content and pictures that look alike"),
    "formats": ("imgpar.cli.show", "list the supported formats"),
    "ops": ("imgpar.cli.show", "describe the operations and encoder settings"),
    "stubs": ("imgpar.cli.stubs", "write type stubs with the operations of other packages"),
    "desktop": ("imgpar.cli.desktop", "open the drop window, or install its menu entries"),
    "doctor": ("imgpar.cli.doctor", "check the installation and print a fix for each problem"),
    "completion": ("imgpar.cli.completion", "print a script with which your shell completes all of this"),
    "help": ("imgpar.cli.help", "print the page of a topic, such as names, recipes or errors"),
}
"""Command → the module with `<command>_parser()` and `<command>_command(argv)`, and its help text."""

SHELLS = {"bash": "bash", "zsh": "zsh", "fish": "fish", "powershell": "ps1"}
"""Shell that `imgpar completion` knows → the suffix of its script."""

FIRST = """\
imgpar resizes and converts whole folders of pictures and clips, on all cores. The three most common commands:

  imgpar convert photos/ -o web/ --resize 1920 --to webp    scaled copies, longest side 1920
  imgpar convert photos/ -o web/ --recipe web               WebP for the web, GPS removed
  imgpar info photos/                                       what is in a folder or a file

'imgpar help' lists all commands and topics. Originals are modified only with --in-place.
"""

HELP = """\
Usage: imgpar COMMAND ...

Process whole folders of pictures and clips on all cores, with one result per input.

  imgpar convert photos/ -o web/ --resize 1920 --to webp    scaled copies, longest side 1920
  imgpar convert photos/ -o web/ --recipe web               WebP for the web, GPS removed
  imgpar convert IMG_1.HEIC -o holiday.jpg                  one file
  imgpar info IMG_1.HEIC                                    format, size, metadata

Commands:
{commands}

'imgpar COMMAND --help' prints the options, 'imgpar help' the topics. Originals are modified only with
--in-place.
"""


def commands_text() -> str:
    """What `imgpar --help` prints."""
    rows = "\n".join(f"  {name:11}{text}" for name, (_, text) in COMMANDS.items())
    return HELP.format(commands=rows)
