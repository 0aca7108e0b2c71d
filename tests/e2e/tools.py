"""How the end-to-end tests speak with the tools in a guest: shell lines, positions, raw CDBs."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.guest.api import Guest
from harness.rig import Rig
from harness.running import make_guest
from harness.state import open_state
from tests.e2e.ways import DIRECT, Way

TIMEOUT = 300.0
"""Seconds that any one line may take."""
PLAIN = re.compile(r"(mt|dd|tar|stenc|lsscsi|sg_\w+)( (\$(TAPE|SG)\b|[\w./,:=+-])+)+")
"""A line that is one program, with nothing for a shell to do but to know $TAPE and $SG."""
CANNOT_READ = "Input/output error"


@dataclass(frozen=True)
class Raw:
    """What sg_raw said of one command, and the data that came in."""

    status: int
    text: str
    data: bytes

    @property
    def sense(self) -> str:
        """The decoded sense data without its heading, one line; empty if there were none."""
        _, _, decoded = self.text.partition("Fixed format, current; Sense key: ")
        lines = re.split(r"\n\n|\nWriting|\nError|\n Raw", decoded)[0].splitlines()
        return "; ".join(line.strip().removeprefix("Additional sense: ") for line in lines)


def dump(text: str) -> bytes:
    """The bytes of the hex dumps with offsets in what an sg3 utility printed."""
    return bytes.fromhex(
        "".join(re.findall(r"^ *[0-9a-f]+ {5}([0-9a-f ]+?)(?: {4}|$)", text, re.M))
    )


READ_POSITION = "34 06 00 00 00 00 00 00 00 00"
"""In the long form, 32 bytes."""


@dataclass(frozen=True)
class Step:
    """What one operation of mt did.

    ``log`` is what st wrote of it into the kernel's log: what it sent, and the sense data of what
    was refused; without the mode data that it tells of at each open.
    """

    status: int
    text: str
    log: list[str]
    st: tuple[int, int, int]
    """Partition, file and block as mt status says them; all -1 if it was not asked."""
    flags: set[str]
    """The general status bits that mt status names."""
    data: bytes
    """What the drive was asked then; empty if it refused that."""

    @property
    def refusal(self) -> tuple[str, str]:
        """CDB and "key/asc/ascq" of the first command that was not GOOD; empty if all were."""
        told = "\n".join(self.log)
        found = re.search(
            r"Error: \w+, cmd: ([\w ]+)\nSense Key : 0x(\w+) .*\nASC=0x(\w+) ASCQ=0x(\w+)", told
        )
        if not found:
            return "", ""
        cdb = " ".join(f"{int(byte, 16):02x}" for byte in found[1].split())
        return cdb, "/".join(f"{int(code, 16):02x}" for code in found.groups()[1:])

    @property
    def drive(self) -> tuple[int, int, int]:
        """Partition, file and object from `READ_POSITION`; all -1 without a volume."""
        data = self.data or b"\xff" * 32
        partition, number, file = (
            int.from_bytes(data[a:b], "big", signed=True) for a, b in ((4, 8), (8, 16), (16, 24))
        )
        return partition, file, number


class Tools:
    """Runs lines in a guest with $TAPE and $SG naming one drive, in a work folder of its own."""

    def __init__(self, guest: Guest, folder: Path, drive: str = "drive0") -> None:
        self.guest = guest
        self.folder = folder
        device = guest.devices[drive]
        self.tape, self.sg, self.serial = device.tape, device.sg, device.serial
        self.said = bytearray()
        """All output of all lines."""

    def run(self, line: str, stdin: bytes = b"") -> tuple[int, str]:
        """Run a shell line: its exit status and its output, errors after it."""
        variables = {**os.environ, "LC_ALL": "C", "TAPE": self.tape, "SG": self.sg}
        argv = ["sh", "-c", line]
        if PLAIN.fullmatch(line):
            # Half the processes, and in a guest that is half the time.
            argv = line.replace("$TAPE", self.tape).replace("$SG", self.sg).split()
        done = self.guest.run(argv, stdin=stdin, env=variables, cwd=self.folder, timeout=TIMEOUT)
        self.said += done.stdout + done.stderr
        return done.status, (done.stdout + done.stderr).decode()

    def ok(self, line: str, stdin: bytes = b"") -> str:
        """The output of a line that must end well."""
        status, output = self.run(line, stdin)
        assert status == 0, f"{line} ended with {status}:\n{output}"
        return output

    def fails(self, line: str, stdin: bytes = b"") -> str:
        """The output of a line that must not end well."""
        status, output = self.run(line, stdin)
        assert status != 0, f"{line} ended well:\n{output}"
        return output

    def each(self, *lines: str) -> list[tuple[int, str]]:
        """Run lines in one go: for each its exit status and output, errors among it."""
        said = self.ok("".join(f'{{ {line}; }} 2>&1; echo "==$?"\n' for line in lines))
        found = re.findall(r"(.*?)==(\d+)\n", said, re.S)
        assert len(found) == len(lines), said
        return [(int(status), text) for text, status in found]

    def raw(self, cdb: str, length: int = 0, out: bytes = b"") -> Raw:
        """Send a CDB, given in hex, with ``out`` or with room for ``length`` bytes."""
        got = self.folder / "raw-in"
        got.write_bytes(b"")
        options = f"-r {length} -o raw-in " if length else ""
        options += f"-s {len(out)} " if out else ""
        status, text = self.run(f"sg_raw -v {options} $SG {cdb}", stdin=out)
        return Raw(status, text, got.read_bytes())

    # --- the tape ---

    def write(self, data: bytes, block: int) -> None:
        """Write a file of blocks; the last one may be short. st adds a filemark."""
        self.ok(f"dd of=$TAPE bs={block} iflag=fullblock", stdin=data)

    def read(self, block: int) -> bytes:
        """Read up to the next filemark with a buffer of that size."""
        self.ok(f"dd if=$TAPE of=read bs={block}")
        return (self.folder / "read").read_bytes()

    def mt(self, operation: str) -> str:
        """The output of mt, which must end well."""
        return self.ok(f"mt -f $TAPE {operation}")

    def steps(
        self, *operations: str, ask: str = READ_POSITION, length: int = 32, status: bool = True
    ) -> list[Step]:
        """Do operations of mt, "before | operation" after a shell line that is not looked at.

        After each the drive is asked with the CDB ``ask``, and before that st with mt status,
        if wanted. Operations may fail. st must have been told to write into the kernel's log (mt
        stsetoptions debug). All in one go: in the guest a process takes long, not a command.
        """
        kept = self.folder / "kernel-log"
        lines = ["dmesg -C"]
        for number, line in enumerate(operations):
            before, _, operation = line.rpartition("|")
            (self.folder / f"asked{number}").write_bytes(b"")
            lines += [
                f"{{ {before}; }} >/dev/null 2>&1" if before else "",
                "echo ==step >/dev/kmsg",
                f"mt -f $TAPE {operation} 2>&1; echo ==$?",
                "echo ==end >/dev/kmsg",
                "mt -f $TAPE status" if status else "",
                f"sg_raw -r {length} -o asked{number} $SG {ask} 2>/dev/null",
                "echo ==",
                # The kernel keeps 16 KiB.
                "dmesg -tc >>kernel-log" if number % 12 == 11 else "",
            ]
        kept.write_bytes(b"")
        said = self.ok("\n".join(lines) + "\ndmesg -tc >>kernel-log")
        *texts, _ = re.split("^==\n", said, flags=re.M)
        logs = re.findall("^==step\n(.*?)^==end\n", kept.read_text(), re.M | re.S)
        return [
            _step(text, log, (self.folder / f"asked{number}").read_bytes())
            for number, (text, log) in enumerate(zip(texts, logs, strict=True))
        ]

    def position(self) -> tuple[int, int]:
        """File and block number as mt status says them."""
        found = re.search(r"File number=(-?\d+), block number=(-?\d+)", self.mt("status"))
        assert found
        return int(found[1]), int(found[2])

    def settle(self) -> None:
        """After a reset: st forgets its position with the first error, and a rewind ends that."""
        self.run("mt -f $TAPE rewind; mt -f $TAPE bsf 1; mt -f $TAPE rewind")

    def object_number(self) -> int:
        """The logical object number at the heads, asked of the drive."""
        return int.from_bytes(self.raw("34 00 00 00 00 00 00 00 00 00", 20).data[4:8], "big")

    def flags(self) -> set[str]:
        """The general status bits that mt status names."""
        return set(self.mt("status").splitlines()[-1].split())

    def blank(self) -> None:
        """Whatever was done before: an empty tape at its beginning, variable blocks, no key."""
        (self.folder / "off").write_bytes(bytes.fromhex("0010001040000000 01").ljust(20, b"\0"))
        self.ok(
            # Loading what is loaded rewinds the drive, and leaves st's numbers as they were.
            "mt -f $TAPE load && mt -f $TAPE rewind && mt -f $TAPE setblk 0 && mt -f $TAPE erase &&"
            " sg_raw -i off -s 20 $SG b5 20 00 10 00 00 00 00 00 14 00 00"
        )

    # --- keys ---

    def key_file(self, name: str, label: str = "") -> bytes:
        """Write a file with a new key as stenc reads it; the key."""
        key = secrets.token_bytes(32)
        path = self.folder / name
        path.touch(0o600)
        path.write_text(f"{key.hex()}\n{label}", encoding="ascii")
        return key

    def stenc(self, arguments: str) -> str:
        """The output of stenc, which must end well. Its audit log goes to the work folder."""
        (self.folder / "log").mkdir(exist_ok=True)
        mounted = "[ /var/log -ef log ] || mount --bind log /var/log"
        return self.ok(f"{{ {mounted}; }} && stenc -f $TAPE {arguments}")

    def details(self) -> dict[str, str]:
        """What stenc --detail says; lines without a name continue the one before."""
        return self._fields(self.stenc("--detail"))

    def details_of_drive(self) -> dict[str, str]:
        """The same where no block follows: stenc says all it can say of the drive, then it dies."""
        return self._fields(self.run("stenc -f $TAPE --detail")[1])

    @staticmethod
    def _fields(said: str) -> dict[str, str]:
        fields: dict[str, str] = {}
        name = ""
        for line in said.splitlines()[2:]:
            before, colon, after = line.partition(":")
            if colon:
                name = before
                fields[name] = after.strip()
            else:
                fields[name] += "; " + line.strip()
        return fields


def _step(said: str, log: str, data: bytes) -> Step:
    """From what mt and mt status printed and the kernel logged."""
    text, status, rest = re.split("==([0-9]+)\n", said)
    at = re.search(r"File number=(-?\d+), block number=(-?\d+), partition=(\d+)", rest)
    lines = re.findall(r"\[st\d+\] +(.*?) *$", log, re.M)
    at_open = re.compile("Block limits|Mode sense|Density [0-9a-f]+,|Block size:")
    return Step(
        status=int(status),
        text=text,
        log=[line for line in lines if not at_open.match(line)],
        st=(int(at[3]), int(at[1]), int(at[2])) if at else (-1, -1, -1),
        flags=set(rest.splitlines()[-1].split()) if at else set(),
        data=data,
    )


@contextmanager
def rig_guest(text: str, folder: Path, way: Way = DIRECT) -> Iterator[Guest]:
    """A running guest with that rig, reached by that way; its state in ``folder``/state."""
    folder.mkdir(exist_ok=True)
    file = folder / "rig.toml"
    file.write_text(text, encoding="utf-8")
    with open_state(folder / "state") as state, make_guest(way.of(Rig.load(file)), state) as guest:
        yield guest


def rig_text(name: str, *drives: str, cartridges: str = "") -> str:
    """A rig file: ``drives`` are the lines of one [[drive]] each."""
    tables = "".join(f"\n[[drive]]\n{drive}\n" for drive in drives)
    return f'[rig]\nname = "{name}"\nguest = "uml"\n{cartridges}{tables}'


def cartridge(barcode: str, lines: str = "") -> str:
    """The table of a cartridge in a rig file."""
    return f'\n[[cartridge]]\nbarcode = "{barcode}"\n{lines}\n'
