"""Ctrl-C: once to finish, twice to stop."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from imgpar.cli.stopping import FIRST, SECOND, stopping
from imgpar.runtime.scheduler import CancelToken

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals cannot be raised like this there")


def press(number: int = signal.SIGINT) -> None:
    signal.raise_signal(number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_cancels(number, capfd):
    token = CancelToken()
    with stopping(token):
        press(number)
        assert (token.cancelled, token.killed) == (True, False)
    assert capfd.readouterr().err == FIRST + "\n"


def test_the_second_signal_kills(capfd):
    token = CancelToken()
    with stopping(token):
        press()
        press()
        assert token.killed
    assert capfd.readouterr().err == f"{FIRST}\n{SECOND}\n"


def test_the_third_is_pythons_own():
    with stopping(CancelToken()):
        press()
        press()
        with pytest.raises(KeyboardInterrupt):
            press()


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stopping(CancelToken()):
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_signal_that_was_ignored_stays_ignored():
    """A shell's background job ignores Ctrl-C, which is meant for the job in front."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    token = CancelToken()
    try:
        with stopping(token):
            press()
    finally:
        signal.signal(signal.SIGINT, before)
    assert not token.cancelled


def test_a_closed_stderr_does_no_harm(monkeypatch):
    stream = open(os.devnull, "w")  # noqa: SIM115
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    token = CancelToken()
    with stopping(token):
        press()
    assert token.cancelled
