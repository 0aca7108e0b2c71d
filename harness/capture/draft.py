"""A model in the making: tables that begin as those of a base, and drives made from them.

What the tables say is found by trying: a drive is made from them in this process and asked the same
questions as the captured one; what it answers otherwise is what the tables do not say yet.
"""

from __future__ import annotations

from collections.abc import Collection
from copy import deepcopy
from functools import cache, cached_property
from typing import Any

from harness.capture.questions import Answers, Asker, ask, command_key, commands, parameters
from harness.initiators.inprocess import InProcess
from harness.media import Blank
from target import personality, personality_schema
from target.clock import ManualClock
from target.encryption.pages import ALGORITHM, CAPABILITIES_PAGE
from target.medium.formats import FORMATS
from target.personality import Personality
from target.tape import commands as tape_commands
from target.tape.drive import Drive
from target.tape.volume import DENSITY

NAME = "captured"
STANDARD_SENSE = 18
"""Bytes of fixed sense data that the standard knows; what is behind may tell of the volume."""
DCC = 0x40
"""Of byte 2 of mode page 0Fh: the drive can compress."""
SPIN = "A2"
VOLATILE = ("attributes 01", "encryption 0020", "ready")
"""Answers that tell of the moment."""


class Draft:
    """``tables`` are complete: those of the base where nothing else was found."""

    def __init__(self, answers: Answers, base: str) -> None:
        self.answers = answers
        self.base = base
        self.base_tables = personality.read(base)
        self.tables: dict[str, Any] = deepcopy(self.base_tables)
        self.notes: list[str] = []
        """What the file cannot say, a line each."""

    @cached_property
    def serial(self) -> str:
        """As page 80h has it, without padding."""
        page = self.answers.get("vpd 80", bytes(4))
        return page[4:].decode("ascii", "replace").strip(" \0")

    @property
    def compression(self) -> str:
        """What a rig has to say, so that the drive says the same of compression."""
        page = self.answers.get("mode 0F default", bytes(16))
        return "lz4" if page[2] & DCC else "off"

    def model(self) -> Personality:
        """The tables as a model."""
        return Personality(NAME, **personality_schema.drop(self.tables))

    def drive(self) -> Drive:
        """A drive of that model; with a volume if the captured one had one."""
        return make(self.model(), self.serial, self.compression, "ready" in self.answers)

    def asker(self) -> Asker:
        """Asks such a drive."""
        return Asker(InProcess(self.drive()))

    def differences(self) -> list[str]:
        """The questions that a drive of the model answers otherwise."""
        mine, theirs = stable(ask(InProcess(self.drive()))), stable(self.answers)
        return [name for name in sorted({*mine, *theirs}) if mine.get(name) != theirs.get(name)]


def make(model: Personality, serial: str, compression: str, volume: bool) -> Drive:
    """A drive that was just powered on, for which no time passes."""
    drive = Drive(model, serial, tape_commands.of(model), compression, clock=ManualClock())
    if volume:
        drive.insert(Blank(FORMATS[model.media["native"]]))
    return drive


def stable(answers: Answers) -> Answers:
    """Answers without what tells of the moment or of the volume."""
    return {name: _stable(name, data) for name, data in answers.items() if name not in VOLATILE}


def _stable(name: str, data: bytes) -> bytes:
    if name.startswith("log ") and name != "log list":
        return repr(
            [(code, control, len(value)) for code, control, value in parameters(data)]
        ).encode()
    if name == "sense":
        return data[:STANDARD_SENSE].ljust(len(data))
    if name == "encryption 0010":
        whole = bytearray(data)
        for at in range(CAPABILITIES_PAGE.size, len(data), ALGORITHM.size):
            row = ALGORITHM.decode(data[at : at + ALGORITHM.size])
            whole[at : at + ALGORITHM.size] = ALGORITHM.encode({**row, "avfmv": 0, "avfclp": 0})
        return bytes(whole)
    if name == "densities":
        whole = bytearray(data)
        for at in range(4, len(data) - DENSITY.size + 1, DENSITY.size):
            whole[at + 12 : at + 16] = bytes(4)
        return bytes(whole)
    return data


# --- the base ----------------------------------------------------------------------------------


def choose_base(answers: Answers, without: Collection[str] = ()) -> str:
    """The model that is most like the drive: one that encrypts if it does, of its maker, its
    product, and with the most answers alike."""
    inquiry = answers.get("inquiry", b"").ljust(36)
    vendor, product = (
        inquiry[a:b].decode("ascii", "replace").strip() for a, b in ((8, 16), (16, 32))
    )
    listed = {command_key(*row[:2]) for row in commands(answers.get("commands", b""))}
    encrypts = SPIN in listed or bool(answers.get(f"has {SPIN}"))

    def near(name: str) -> tuple[bool, bool, bool]:
        model = personality.load(name)
        return (
            bool(model.encryption) == encrypts,
            model.inquiry["vendor"] == vendor,
            model.inquiry["product"] == product,
        )

    names = [name for name in personality.models() if name not in without]
    nearest = max(map(near, names))
    serial = Draft(answers, names[0]).serial
    theirs = stable(answers)

    def alike(name: str) -> int:
        mine = _answers(name, serial, "ready" in answers)
        return sum(mine.get(question) == data for question, data in theirs.items())

    return max((name for name in names if near(name) == nearest), key=alike)


@cache
def _answers(name: str, serial: str, volume: bool) -> Answers:
    return stable(ask(InProcess(make(personality.load(name), serial, "off", volume))))
