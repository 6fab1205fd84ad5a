"""Menu entries of macOS: a program for the Dock and for Open with, and a Quick Action of Finder."""

from __future__ import annotations

import plistlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imgpar.desktop.entry import NAME, TITLE, MenuEntry, command

KINDS = ["public.image", "public.movie", "public.folder"]


def macos_entries(home: Path) -> Iterator[MenuEntry]:
    """The entries below a home folder."""
    yield from _program(home / "Applications" / f"{NAME}.app" / "Contents")
    yield from _quick_action(home / "Library" / "Services" / f"{NAME}.workflow" / "Contents")


def _program(folder: Path) -> Iterator[MenuEntry]:
    """A bundle whose program is a shell script; Tk reads the Apple event of files that are dropped on it."""
    information = {
        "CFBundleName": NAME,
        "CFBundleIdentifier": "imgpar.desktop",
        "CFBundleExecutable": NAME,
        "CFBundlePackageType": "APPL",
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleDocumentTypes": [
            {"CFBundleTypeRole": "Viewer", "LSHandlerRank": "Alternate", "LSItemContentTypes": KINDS}
        ],
    }
    yield MenuEntry(folder / "Info.plist", plistlib.dumps(information), "program")
    script = f'#!/bin/sh\nexec {shlex.join(command())} "$@"\n'
    yield MenuEntry(folder / "MacOS" / NAME, script.encode(), "script of the program", executable=True)


def _quick_action(folder: Path) -> Iterator[MenuEntry]:
    """An Automator workflow that runs a shell script with the files."""
    service = {
        "NSMenuItem": {"default": TITLE},
        "NSMessage": "runWorkflowAsService",
        "NSRequiredContext": {"NSApplicationIdentifier": "com.apple.finder"},
        "NSSendFileTypes": KINDS,
    }
    yield MenuEntry(folder / "Info.plist", plistlib.dumps({"NSServices": [service]}), "Quick Action")
    line = f'{shlex.join(command())} "$@" >/dev/null 2>&1 &'
    kind = "com.apple.cocoa.path"
    action: dict[str, Any] = {
        "AMAccepts": {"Container": "List", "Optional": True, "Types": [kind]},
        "AMProvides": {"Container": "List", "Types": [kind]},
        "ActionBundlePath": "/System/Library/Automator/Run Shell Script.action",
        "ActionName": "Run Shell Script",
        "ActionParameters": {
            "COMMAND_STRING": line,
            "CheckedForUserDefaultShell": True,
            "inputMethod": 1,
            "shell": "/bin/sh",
            "source": "",
        },
        "BundleIdentifier": "com.apple.RunShellScript",
        "CFBundleVersion": "2.0.3",
        "Class Name": "RunShellScriptAction",
    }
    workflow = {
        "AMDocumentVersion": "2",
        "actions": [{"action": action, "isViewVisible": True}],
        "connectors": {},
        "workflowMetaData": {
            "serviceInputTypeIdentifier": "com.apple.Automator.fileSystemObject",
            "serviceOutputTypeIdentifier": "com.apple.Automator.nothing",
            "serviceApplicationBundleID": "com.apple.finder",
            "workflowTypeIdentifier": "com.apple.Automator.servicesMenu",
        },
    }
    yield MenuEntry(folder / "document.wflow", plistlib.dumps(workflow), "workflow of the Quick Action")
