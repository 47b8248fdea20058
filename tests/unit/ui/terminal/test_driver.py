"""The driver of the terminal, when the terminal goes away."""

from __future__ import annotations

import contextlib
import os
import threading

from textual.drivers._writer_thread import MAX_QUEUED_WRITES, WriterThread

from podtui.ui.terminal.driver import LastingFile


def test_what_is_written_to_a_terminal_that_is_gone_holds_up_nobody() -> None:
    master, slave = os.openpty()
    terminal = open(slave, "w")
    writer = WriterThread(LastingFile(terminal))  # type: ignore[arg-type]
    writer.start()
    writer.write("before")
    os.close(master)

    def write() -> None:
        for _ in range(3 * MAX_QUEUED_WRITES):
            writer.write("x" * 1000)
        writer.stop()

    writing = threading.Thread(target=write, daemon=True)
    writing.start()
    writing.join(20)
    assert not writing.is_alive() and not writer.is_alive()
    with contextlib.suppress(OSError):
        terminal.close()


def test_a_terminal_that_is_there_gets_it_all() -> None:
    read, write = os.pipe()
    with open(write, "w") as file:
        lasting = LastingFile(file)
        lasting.write("one ")
        lasting.write("two")
        lasting.flush()
        assert os.read(read, 100) == b"one two" and not lasting.gone and lasting.fileno() == write
    os.close(read)
