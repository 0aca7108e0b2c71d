"""What two devices answer otherwise to the same commands, where a check passed with both: fields of
INQUIRY data and of pages, commands and pages that one alone has, the sense code that it chose.

The exchanges of a check are compared in order, as long as both devices were sent the same CDBs and
both took or both refused them: what comes then was asked in another state. Data that no layer
describes (blocks of the medium, buffers) are not compared, and neither is what `UNCOMPARED` names.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from harness.conform.check import Outcome
from harness.conform.exchange import Exchange
from harness.conform.results import Result, Run
from harness.conform.subject import place
from harness.conform.words import name, shown
from harness.initiators.api import Reply
from harness.layers import dissect, status
from harness.layers.base import Length, LengthOf
from harness.layers.cdb import ModeSense6, ModeSense10, dissect_cdb
from harness.layers.log_parameters import LogParameter
from harness.layers.sense import Sense, dissect_sense

UNCOMPARED = {
    "serial numbers and world-wide names": (
        "UnitSerialNumber.product_serial_number",
        "ManufacturerAssignedSerialNumber.manufacturer_assigned_serial_number",
        "AutomationDeviceSerialNumber.automation_device_serial_number",
        "Designator.designator",
    ),
    "of the way to the device, not of the device": (
        "ScsiPorts.ports",
        "ProtocolSpecificPorts.ports",
        "ProtocolSpecificLogicalUnit.ports",
        "PortGroups.groups",
        "ExtendedPortGroups.groups",
        "FullStatusDescriptor.relative_target_port_identifier",
        "FullStatusDescriptor.transportid",
    ),
    "counters, clocks and how far the drive has come": (
        "Timestamp.timestamp",
        "Timestamp.timestamp_origin",
        "DataEncryptionStatus.key_instance_counter",
        "ReservationKeys.prgeneration",
        "HeldReservation.prgeneration",
        "FullStatus.prgeneration",
        "ShortPosition.number_of_logical_objects_in_object_buffer",
        "ShortPosition.number_of_bytes_in_object_buffer",
        "ExtendedPosition.number_of_logical_objects_in_object_buffer",
        "ExtendedPosition.number_of_bytes_in_object_buffer",
    ),
    "random: nonces, random numbers, keys that the device makes": (
        "KeyAssociatedData.key_descriptor",
        "RandomNumber.random_number",
        "DeviceServerKeyWrappingPublicKey.public_key",
    ),
    "a maker's own, with serial numbers and times in it": (
        "FixedSense.additional_sense_bytes",
        "BufferData.data",
        "BufferHeader.data",
    ),
    "of this cartridge, this library or its user": (
        "Attribute.attribute_value",
        "DataTransferDeviceElementAddress.data_transfer_device_element_address",
        "ElementStatusData.pages",
        "VolumeElementAddressData.pages",
        "IdentifyingInformation.information",
    ),
}
"""Why something is not compared, and what: layer and field. Of log parameters only the header is
compared: their values are counters and measurements."""

IDENTITY = {
    "AlgorithmDescriptor": ("algorithm_index",),
    "Attribute": ("attribute_identifier",),
    "CommandDescriptor": ("operation_code", "service_action"),
    "DensityDescriptor": ("primary_density_code",),
    "InformationTypeDescriptor": ("information_type",),
    "KeyAssociatedData": ("key_descriptor_type",),
    "MediumTypeDescriptor": ("medium_type",),
    "ModePagePolicyDescriptor": ("policy_page_code", "policy_subpage_code"),
    "ProtectionMethod": ("logical_block_protection_method",),
}
"""By layer, the fields that tell one from the others of its list."""
UNSAID = ("subpage_code", "policy_subpage_code", "service_action")
"""Of these, not where they are 0."""
CODES = ("page_code", "subpage_code", "parameter_code")
"""Those of any layer."""
SELECTS = (
    "page_code", "subpage_code", "security_protocol", "security_protocol_specific",
    "service_action",
)  # fmt: skip
"""Fields of CDBs that say what is asked for."""

MODE_SENSE = (ModeSense6, ModeSense10)
CONTROL = ("", ", changeable values", ", default values", ", saved values")
"""PC of MODE SENSE."""

LONG = 24
"""Bytes of a value beyond which it is shown from where it differs."""

Facts = dict[str, dict[str, Any]]
"""Values by field by what they are of: "Control mode page 0Ah", {"tas": 1}."""


class Other(NamedTuple):
    """A difference: ``what`` of ``thing``, as each device has it, in words."""

    thing: str
    what: str
    first: str
    second: str


def others(first: Run, second: Run) -> dict[Other, list[str]]:
    """What is answered otherwise, by `Other`: the ids of the checks that saw it."""
    device = first.identity.kind
    right = {result.check.id: result for result in second.results}
    found: dict[Other, list[str]] = {}
    for one in first.results:
        other = right.get(one.check.id)
        if other is None or not ended_alike(one, other):
            continue
        for cdb, a, b in pairs(one.exchanges, other.exchanges):
            for difference in compared(cdb, a, b, device):
                ids = found.setdefault(difference, [])
                if ids[-1:] != [one.check.id]:
                    ids.append(one.check.id)
    compared.cache_clear()
    return found


def ended_alike(one: Result, other: Result) -> bool:
    """Whether a check passed in both runs."""
    return {one.outcome, other.outcome} <= {Outcome.PASS, Outcome.WARNING}


def pairs(
    left: tuple[Exchange, ...], right: tuple[Exchange, ...]
) -> Iterator[tuple[bytes, Reply, Reply]]:
    """CDBs that were sent to both, with both answers, for as long as the states are the same."""
    for one, other in zip(left, right, strict=False):
        if (one.nexus, one.cdb) != (other.nexus, other.cdb) or not one.reply or not other.reply:
            return
        if one.reply != other.reply:
            yield one.cdb, one.reply, other.reply
        if bool(one.reply.status) != bool(other.reply.status):
            return


@cache
def compared(cdb: bytes, a: Reply, b: Reply, device: str) -> tuple[Other, ...]:
    """What differs in two answers to a command."""
    if a.status or b.status:
        return tuple(of_sense(asked(cdb, device), a, b))
    return tuple(of_data(facts(cdb, a.data, device), facts(cdb, b.data, device)))


def asked(cdb: bytes, device: str) -> str:
    """The command's name, and which page or service action is asked for."""
    command: Any = dissect_cdb(cdb, device)
    codes = [
        code(getattr(command, field.name), field)
        for field in command.fields_desc
        if field.name in SELECTS and getattr(command, field.name) != field.default
    ]
    return " ".join([name(cdb, device), *codes])


def of_sense(command: str, a: Reply, b: Reply) -> Iterator[Other]:
    """Status and sense code; whether there is a field pointer, and where it points."""
    one, other = sense_of(a), sense_of(b)
    ended, otherwise = in_words(a, one), in_words(b, other)
    if ended != otherwise:
        yield Other(command, "ends with", ended, otherwise)
        return
    if one is None or other is None:
        return
    form, otherwise = pointer_form(one), pointer_form(other)
    if form != otherwise:
        yield Other("Sense data", f"field pointer of {one.code}", form, otherwise)
    if one.field_pointer and other.field_pointer:
        here, there = one.field_pointer, other.field_pointer
        if here[0] != there[0] or (form == otherwise and here != there):
            yield Other(command, f"field pointer of {one.code}", place(*here), place(*there))


def pointer_form(sense: Sense) -> str:
    """How far a field pointer points."""
    if sense.field_pointer is None:
        return "none"
    return "a byte" if sense.field_pointer[1] is None else "a byte and a bit"


def sense_of(reply: Reply) -> Sense | None:
    """The sense data, or None if there are none that make sense."""
    try:
        return dissect_sense(reply.sense)
    except ValueError:
        return None


def in_words(reply: Reply, sense: Sense | None) -> str:
    """Status and sense code."""
    ended = status.in_words(reply.status)
    return f"{ended}, {sense.code} {sense.text}" if sense else ended


# --- data ----------------------------------------------------------------------------------------


def of_data(left: Facts, right: Facts) -> Iterator[Other]:
    """Things that one alone has; fields that differ of those that both have."""
    if not left or not right:
        return
    for thing in {**left, **right}:
        if thing not in left or thing not in right:
            there = [("there" if thing in side else "not there") for side in (left, right)]
            yield Other(thing, "", *there)
            continue
        for field, value in left[thing].items():
            other = right[thing].get(field)
            if value != other:
                yield Other(thing, field, *both_shown(value, other))


def facts(cdb: bytes, data: bytes, device: str) -> Facts:
    """What data-in say, by the layers; nothing where no layer describes them."""
    found: Facts = {}
    try:
        command, *packets = dissect(cdb, b"", data, device=device)
        for packet in packets:
            # Of answers that are cut short, what is missing would seem to be zero.
            if packet.name != "Raw" and not packet.missing:
                control = CONTROL[command.pc] if isinstance(command, MODE_SENSE) else ""
                gather(packet, found, label(packet), control)
    except Exception:  # whatever a device sends, the comparison is made
        return {}
    return found


def gather(packet: Any, found: Facts, thing: str, control: str, before: str = "") -> None:
    """Put the fields of a packet, and of those in it, where they belong."""
    fields = found.setdefault(thing + control, {})
    for field in fields_of(packet):
        value = packet.getfieldval(field.name)
        if not field.holds_packets:
            fields[before + field.name] = value
            continue
        for number, one in enumerate(value if isinstance(value, list) else [value]):
            told = label(one)
            if told == one.name:
                gather(one, found, thing, control, f"{before}{field.name}[{number}].")
            else:
                own = hasattr(one, "page_code")
                gather(one, found, told if own else f"{thing}, {told}", control)


def fields_of(packet: Any) -> Iterator[Any]:
    """The fields of a packet that are compared. Lengths of lists say nothing that these do not."""
    layer = type(packet).__name__
    names = [field.name for field in packet.fields_desc]
    lists = any(field.holds_packets or field.islist for field in packet.fields_desc)
    for field in packet.fields_desc:
        if isinstance(field, LengthOf) or (isinstance(field, Length) and lists):
            continue
        if "parameter_code" in names and field.name not in HEADER:
            continue
        if f"{layer}.{field.name}" not in _UNCOMPARED:
            yield field


def label(packet: Any) -> str:
    """The layer's name, and the codes that tell it from others like it."""
    wanted = (*CODES, *IDENTITY.get(type(packet).__name__, ()))
    told = [field for field in packet.fields_desc if field.name in wanted]
    values = [(field, packet.getfieldval(field.name)) for field in told]
    codes = [code(value, field) for field, value in values if value or field.name not in UNSAID]
    return " ".join([packet.name, *codes])


def code(value: int, field: Any) -> str:
    """A code as standards write it: 0Ah, 0400h."""
    return f"{value:0{4 if field.sz == 2 else 2}X}h"


def both_shown(value: Any, other: Any) -> tuple[str, str]:
    """Two values in words: of lists what only one has, of long bytes from where they differ."""
    if isinstance(value, list) and isinstance(other, list):
        return only(value, other), only(other, value)
    if isinstance(value, bytes) and isinstance(other, bytes) and max(len(value), len(other)) > LONG:
        same = enumerate(zip(value, other, strict=False))
        at = next((n for n, (x, y) in same if x != y), min(len(value), len(other)))
        start = f"from byte {at}:"
        return f"{start} {shown(value[at : at + LONG])}", f"{start} {shown(other[at : at + LONG])}"
    return shown(value), shown(other)


def only(values: list[int], others: list[int]) -> str:
    """A list of codes: what it has that the other has not, or all where that is nothing."""
    alone = set(values) - set(others)
    if not alone and set(others) - set(values):
        return "without"
    codes = [f"{one:02X}h" for one in values if one in alone or not alone]
    return " ".join(["with" if alone else "in all", *codes])


HEADER = {field.name for field in LogParameter.fields_desc} - {"parameter_value"}
"""Fields that every log parameter has."""
_UNCOMPARED = frozenset(place for places in UNCOMPARED.values() for place in places)
