"""A drive with every command there is, and a blank tape, for each test that asks for a host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from target import personality
from target.scsi import command_table
from target.tape import commands
from tests.tape.host import TD9, Host, tape

EVERY_COMMAND = replace(
    personality.load(TD9), commands={command_table.key(row): True for row in commands.COMMANDS}
)


@pytest.fixture
def host() -> Iterator[Host]:
    with tape(EVERY_COMMAND) as one:
        yield one
