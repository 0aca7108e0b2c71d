"""Random commands out of the layers: what a broken or hostile initiator might send.

The layers' fields are compiled into shifts once, so that a CDB costs microseconds. Parameter lists
are built by the layers, with likely values and by scapy's `fuzz`, into pools; many are changed
anew whenever they are sent. One CDB in twenty is as scapy's `fuzz` made it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from scapy.fields import BitField
from scapy.packet import fuzz

from harness.layers import cdb as c
from harness.layers import elements, log, mode, mode_vendor, reports, reservations
from harness.layers.attributes import Attribute, AttributeParameterList
from harness.layers.base import Number, Structure
from harness.layers.diagnostics import ForceDump
from harness.layers.log_parameters import LogParameter
from harness.layers.security import SetDataEncryption, kad

KEYS = (bytes(range(32)), bytes(32), b"\xff" * 32)
ATTRIBUTES = (0x0003, 0x0400, 0x0800, 0x0803, 0x0805, 0x0806, 0x0809, 0x080C, 0x1400, 0x1623)
LIKELY: dict[str, Sequence[int]] = {
    "security_protocol": (0, 0x20, 0x20, 0x20), "inc_512": (0,), "subpage_code": (0, 0, 0, 1, 0xFF),
    "security_protocol_specific": (0, 1, 2, 0x10, 0x11, 0x12, 0x20, 0x21, 0x30, 0x31),
    "pc": (0, 0, 1, 2, 3), "ppc": (0,), "sp": (0, 0, 1), "rtd": (0,), "desc": (0, 1),
    "mode": (0, 2, 3, 4, 5, 6, 7, 0x0A, 0x0B), "mode_specific": (0,), "buffer_id": (0, 1),
    "buffer_offset": (0,), "logical_volume_number": (0,), "partition": (0, 0, 1),
    "partition_number": (0, 0, 1), "element_address": (0,), "cache": (0,),
    "first_attribute_identifier": (0, 3, 0x400, 0x800), "parameter_pointer": (0,),
    "service_action": (0, 1, 2, 3, 5, 6, 8), "code": (0, 1, 3), "dest_type": (0, 1, 3),
    "bam": (0,), "eot": (0,), "format": (0, 1, 2), "allow_overwrite": (0, 1, 2), "wsmk": (0,),
    "smd": (0,), "prevent": (0, 0, 1), "reporting_options": (0, 1, 2, 3), "scope": (0,),
    "bytcmp": (0,), "self_test_code": (0, 1, 2, 5, 6), "evpd": (0, 1, 1), "mloi": (0,),
    "element_type_code": (0, 1, 2, 3, 4), "send_action_code": (4, 5, 6), "mixed": (0,),
    "invert": (0,), "inv1": (0,), "inv2": (0,), "extent": (0,), "third_party": (0,), "longid": (0,),
    "third_party_device_id": (0,), "element": (0, 0, 1), "action_code": (0, 1),
    "parameter_length": (0,), "bytord": (0,), "wtc": (0, 1), "number_of_elements": (1, 5, 0xFFFF),
}  # fmt: skip
"""Values that get somewhere, by the names of fields."""
EDGES = (1, 2, 3, 4, 8, 16, 20, 32, 36, 64, 255, 512, 4096)
ADDRESSES = "element_address"
"""Fields whose names end so are of elements."""


class Slot(NamedTuple):
    """A field in a CDB seen as one number."""

    name: str
    shift: int
    top: int


class Compiled:
    """A layer of numbers only: its bytes, and where its fields are."""

    def __init__(self, layer: type[Structure]) -> None:
        self.layer = layer
        empty: Any = layer()
        self.base = bytes(empty)
        self.size = len(self.base)
        self.slots: dict[str, Slot] = {}
        left = self.size * 8
        for field in empty.fields_desc:
            assert isinstance(field, (Number, BitField)), f"{layer.__name__}: {field.name}"
            width = field.size if isinstance(field, BitField) else field.sz * 8
            left -= width
            if not field.name.startswith("reserved_") and field.name != "operation_code":
                self.slots[field.name] = Slot(field.name, left, (1 << width) - 1)
        self.number = int.from_bytes(self.base, "big")
        self.kept = {"service_action", "control"} if empty.fields_desc[2].default else {"control"}

    def make(self, values: dict[str, int]) -> bytes:
        """Its bytes with these values; those of other fields as they are unless told otherwise."""
        number = self.number
        for name, value in values.items():
            _, shift, top = self.slots[name]
            number = number & ~(top << shift) | (value & top) << shift
        return number.to_bytes(self.size, "big")


@cache
def compiled() -> dict[tuple[str, int], list[Compiled]]:
    """Every command, by device and operation code."""
    table: dict[tuple[str, int], list[Compiled]] = {}
    for one in c.all_cdbs():
        made = Compiled(one)
        for device in (one.device,) if one.device else ("tape", "changer"):
            table.setdefault((device, made.base[0]), []).append(made)
    return table


class Target(NamedTuple):
    """What the fuzzer knows of a unit: what it has, and pages as it has sent them."""

    device: str
    opcodes: Sequence[int]
    pages: dict[str, Sequence[int]]
    """Page codes by the first word of a command: MODE, LOG, INQUIRY."""
    modes: Sequence[bytes]
    logs: Sequence[bytes]
    addresses: Sequence[int]
    microcode: bytes


class Fuzzer:
    """Makes commands from a seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.noise = self.random.randbytes(1 << 17)
        self.pools: dict[str, list[bytes]] = {}

    def number(self, top: int) -> int:
        """Mostly a number at the edge of something, sometimes any."""
        pick = self.random.random()
        if pick < 0.35:
            return 0
        if pick < 0.8:
            return min(top, self.random.choice(EDGES))
        return top if pick < 0.9 else self.random.randint(0, top)

    def command(self, target: Target, block: int) -> tuple[bytes, bytes]:
        """A CDB and its data-out; ``block``: bytes of a fixed block."""
        dice = self.random.random
        if dice() < 0.1:
            size = self.random.choice((1, 6, 10, 12, 16, 32))
            return self.random.randbytes(size), self.noise[: self.number(5000)]
        if dice() < 0.05:
            return self.random.choice(self.pool(CDBS, target.device)), self.noise[:64]
        layer = self.layer(target)
        values = self.values(layer, target)
        out = self.data_out(layer, values, target, block)
        cdb = layer.make(values)
        if dice() < 0.15:
            cdb = self.flipped(cdb, self.random.randint(1, 3))
        return cdb, out

    def layer(self, target: Target) -> Compiled:
        """Mostly of a command that the unit has, each operation code as often as any other."""
        table = compiled()
        if self.random.random() < 0.95:
            known = table.get((target.device, self.random.choice(target.opcodes)))
            if known:
                found = self.random.choice(known)
                if found.layer in LOCKS and self.random.random() < 0.9:
                    # Else one nexus is shut out most of the time.
                    return table[target.device, 0x17][0]
                return found
        return self.random.choice(self.random.choice(list(table.values())))

    def values(self, layer: Compiled, target: Target) -> dict[str, int]:
        """A value for every field but the operation code."""
        values = {}
        for name, _, top in layer.slots.values():
            if name in layer.kept:
                continue
            value = self.number(top)
            if self.random.random() < 0.8:
                if name in LIKELY:
                    value = self.random.choice(LIKELY[name])
                elif name == "page_code":
                    first = layer.layer.__name__[:3]
                    value = self.random.choice(target.pages.get(first, (0, 0x80)))
                elif name.endswith(ADDRESSES) and target.addresses:
                    value = self.random.choice(target.addresses)
            values[name] = value
        return values

    def flipped(self, data: bytes, times: int) -> bytes:
        """With some bits turned."""
        changed = bytearray(data)
        for _ in range(times if data else 0):
            changed[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        return bytes(changed)

    # --- parameter lists ---------------------------------------------------------------------

    def data_out(
        self, layer: Compiled, values: dict[str, int], target: Target, block: int
    ) -> bytes:
        """What goes with a CDB, whose length field mostly says how much it is."""
        if layer.layer in (c.Write6, c.Write16):
            length = values["transfer_length"] * (block if values["fixed"] else 1)
            return self.noise[: min(length, len(self.noise))]
        name = (
            "transfer_length" if layer.layer is c.SecurityProtocolOut else "parameter_list_length"
        )
        if layer.layer in ELEMENT_LISTS:
            name = "element_list_length"
        if name not in values or self.random.random() < 0.1:
            return self.noise[: self.number(5000)] if self.random.random() < 0.1 else b""
        data = self.parameters(layer.layer, target)
        pick = self.random.random()
        if pick < 0.4:
            data = self.flipped(data, self.random.randint(1, 3))
        elif pick < 0.45:
            data = data[: self.random.randint(0, len(data))]
        if self.random.random() < 0.95:
            values[name] = min(len(data), layer.slots[name].top)
        if layer.layer is c.SecurityProtocolOut and self.random.random() < 0.95:
            values |= {"security_protocol": 0x20, "security_protocol_specific": 0x10}
        return data

    def parameters(self, layer: type[Structure], target: Target) -> bytes:
        """A list, often a valid one, and one in ten of scapy's `fuzz`."""
        if layer in (c.ModeSelect6, c.ModeSelect10) and self.random.random() < 0.7:
            return self.mode_list(layer is c.ModeSelect6, target)
        if layer is c.LogSelect and target.logs and self.random.random() < 0.7:
            return self.random.choice(target.logs)
        if layer is c.WriteBuffer:
            return target.microcode if self.random.random() < 0.5 else self.noise[: self.number(64)]
        return self.random.choice(self.pool(layer.__name__, target.device))

    def mode_list(self, short: bool, target: Target) -> bytes:
        """Header, perhaps a block descriptor, perhaps a page as the unit has it."""
        blocks = self.random.choice((b"", bytes(6) + b"\2\0", bytes(7) + b"\x10"))
        page = self.random.choice((b"", *target.modes[:1], *target.modes))
        parameter = self.random.choice((0x00, 0x10))
        if short:
            return bytes((0, 0, parameter, len(blocks))) + blocks + page
        return bytes((0, 0, 0, parameter, 0, 0, 0, len(blocks))) + blocks + page

    def pool(self, name: str, device: str) -> list[bytes]:
        """The lists of a command, made when it is first sent."""
        key = f"{name} {device}"
        if key not in self.pools:
            with seeded(f"{self.seed} {key}") as dice:
                if name == CDBS:
                    layers = [one for one in c.all_cdbs() if one.device in ("", device)]
                    self.pools[key] = [bytes(fuzz(one())) for one in layers * 20]
                    return self.pools[key]
                maker = MAKERS.get(name, _of_any)
                lists = [bytes(maker(dice)) for _ in range(200)]
                lists += [bytes(fuzz(maker(dice)))[:2000] for _ in range(20)]
                self.pools[key] = [one[:4000] for one in lists]
        return self.pools[key]


@contextmanager
def seeded(seed: str) -> Iterator[random.Random]:
    """The generator that scapy uses is seeded, and as it was afterwards."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield random.Random(seed)
    finally:
        random.setstate(before)


CDBS = "CDB"
"""The pool of CDBs that scapy's `fuzz` made."""
LOCKS = (c.Reserve6, c.Reserve10, c.ReserveElement6, c.ReserveElement10)
ELEMENT_LISTS = (c.ReserveElement6, c.ReserveElement10)
MODE_LAYERS = [*mode.ANY.values(), *mode.TAPE.values(), *mode.CHANGER.values(),
               *mode.PORTS.values(), *mode_vendor.PAGES.values()]  # fmt: skip


def _spout(dice: random.Random) -> Structure:
    choice = dice.choice
    kads = [
        kad(kind, choice((b"", b"label", bytes(12), bytes(32), bytes(64)))) for kind in range(4)
    ]
    return SetDataEncryption(
        scope=choice((0, 1, 2, 2, 2, 3)),
        lock=choice((0, 0, 1)),
        ceem=choice((0, 1, 2, 3)),
        rdmc=choice((0, 0, 2, 3, 1)),
        sdk=choice((0, 0, 0, 1)),
        ckod=choice((0, 0, 1)),
        ckorp=choice((0, 0, 0, 1)),
        ckorl=choice((0, 0, 0, 1)),
        encryption_mode=choice((0, 1, 2, 2, 2)),
        decryption_mode=choice((0, 1, 2, 3)),
        algorithm_index=choice((1, 1, 1, 2, 3)),
        key_format=choice((0, 0, 0, 0, 1, 2)),
        kad_format=choice((0, 0, 0, 1)),
        key=choice((*KEYS, *KEYS, b"", bytes(16))),
        kad_list=sorted(
            dice.sample(kads, choice((0, 0, 1, 2))), key=lambda one: int(one.key_descriptor_type)
        ),
    )


def _mode_select(layer: type[Structure]) -> Callable[[random.Random], Structure]:
    def make(dice: random.Random) -> Structure:
        pages = [fuzz(dice.choice(MODE_LAYERS)()) for _ in range(dice.choice((0, 1, 1, 2)))]
        blocks = [fuzz(mode.BlockDescriptor())] * dice.choice((0, 0, 1))
        return layer(pages=pages, block_descriptors=blocks, buffered_mode=dice.choice((0, 1)))

    return make


def _log_select(dice: random.Random) -> Structure:
    rows = [fuzz(LogParameter(parameter_value=bytes(4))) for _ in range(dice.choice((0, 1, 3)))]
    page = log.LogPage(page_code=dice.choice((2, 3, 0x0C, 0x11, 0x2E, 0x34)), parameters=rows)
    return log.LogParameterList(pages=[page])


def _reserve_out(dice: random.Random) -> Structure:
    if dice.random() < 0.2:
        return reservations.RegisterAndMoveList(
            reservation_key=dice.choice((0, 1, 2)),
            service_action_reservation_key=dice.choice((0, 1, 2)),
            unreg=dice.choice((0, 1)),
            relative_target_port_identifier=dice.choice((0, 1, 2)),
            transportid=[fuzz(reservations.SasTransportId(protocol_identifier=6))],
        )
    more = [reservations.TransportIdList(transportids=[reservations.SasTransportId(sas_address=1)])]
    return reservations.ReserveOutList(
        reservation_key=dice.choice((0, 0, 1, 2)),
        service_action_reservation_key=dice.choice((0, 0, 1, 2)),
        spec_i_pt=dice.choice((0, 0, 0, 1)),
        aptpl=dice.choice((0, 0, 0, 1)),
        additional=more * dice.choice((0, 0, 0, 0, 1)),
    )


def _attributes(dice: random.Random) -> Structure:
    chosen = sorted(dice.sample(ATTRIBUTES, dice.choice((1, 1, 2))))
    return AttributeParameterList(
        attributes=[
            Attribute(
                attribute_identifier=number,
                format=dice.choice((0, 1, 1, 2)),
                attribute_value=dice.choice((b"", b"x", b"KEYREEL ", bytes(70))),
            )
            for number in chosen
        ]
    )


def _element_list(dice: random.Random) -> Structure:
    some = [
        elements.ElementListDescriptor(
            number_of_elements=dice.choice((0, 1, 2)), starting_element_address=dice.randint(0, 20)
        )
        for _ in range(dice.choice((0, 1, 2)))
    ]
    return elements.ElementList(descriptors=some)


def _of_any(dice: random.Random) -> Structure:
    return reports.IdentifyingInformationList(information=dice.randbytes(dice.choice((0, 4, 40))))


MAKERS: dict[str, Callable[[random.Random], Structure]] = {
    "SecurityProtocolOut": _spout,
    "ModeSelect6": _mode_select(mode.ModeList6),
    "ModeSelect10": _mode_select(mode.ModeList10),
    "LogSelect": _log_select,
    "PersistentReserveOut": _reserve_out,
    "WriteAttribute": _attributes,
    "SetTimestamp": lambda dice: reports.TimestampList(timestamp=dice.getrandbits(48)),
    "SendDiagnostic": lambda dice: ForceDump(diagnostic_id=dice.choice((0, 0x160))),
    "SendVolumeTag": lambda dice: elements.SendVolumeTagList(
        volume_identification_template=dice.choice((b"KRL*", b"KRL00?L9", b"*", b""))
    ),
    "ReserveElement6": _element_list,
    "ReserveElement10": _element_list,
}
"""What makes the list of a command."""
