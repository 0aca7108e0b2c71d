"""The layers by themselves: build, dissect, show, fuzz; lengths; golden bytes of other programs."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from scapy.packet import Padding, Raw, fuzz

import harness.layers
from harness.layers import cdb as c
from harness.layers import dissect
from harness.layers import iscsi as i
from harness.layers import mode as m
from harness.layers import security as s
from harness.layers.attributes import Attribute, AttributeValues
from harness.layers.base import Length, Structure, bits
from harness.layers.elements import ElementDescriptor, ElementStatusData, ElementStatusPage
from harness.layers.log import LogPage
from harness.layers.log_parameters import LogParameter
from harness.layers.position import ShortPosition
from harness.layers.reports import LunList
from harness.layers.sense import (
    DescriptorSense,
    FixedSense,
    InformationDescriptor,
    SenseKeySpecificDescriptor,
    StreamDescriptor,
    dissect_sense,
)
from tests.layers.fuzzing import seeded


def modules() -> list[Any]:
    names = [one.name for one in pkgutil.iter_modules(harness.layers.__path__)]
    return [importlib.import_module(f"harness.layers.{name}") for name in names]


LAYERS = sorted(
    {
        value
        for module in modules()
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Structure) and value.fields_desc
    },
    key=lambda layer: (layer.__module__, layer.__name__),
)


def test_nothing_is_imported_from_what_is_tested() -> None:
    root = Path(harness.layers.__path__[0]).parent
    for folder in ("layers", "conform"):
        for path in (root / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [one.name for one in getattr(node, "names", ())]
                names.append(getattr(node, "module", None) or "")
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    assert not any(name.split(".")[0] in ("target", "keymgr") for name in names), (
                        f"{path} imports {names}"
                    )


def test_every_layer(pytestconfig: pytest.Config) -> None:
    seed = pytestconfig.getoption("hypothesis_seed")
    assert len(LAYERS) > 200
    for layer in LAYERS:
        built = bytes(layer())
        again: Any = layer(built)
        again.clear_cache()
        assert bytes(again) == built, layer
        assert layer.__name__.startswith("Other") or again.show(dump=True).startswith("###[ ")
        with seeded(f"{seed} {layer.__name__}"):
            made = bytes(fuzz(layer()))
        found: Any = layer(made)
        assert bytes(found) == made, layer
        for cut in range(0, len(built), 3):
            short: Any = layer(built[:cut])
            short.clear_cache()
            assert bytes(short)[:cut] == built[:cut], layer


def test_lengths_are_computed_and_may_be_wrong() -> None:
    kads = [s.kad(0, b"label"), s.kad(1, b"x")]
    page: Any = s.SetDataEncryption(key=bytes(32), kad_list=kads)
    raw = bytes(page)
    assert int.from_bytes(raw[2:4], "big") == len(raw) - 4
    assert raw[18:20] == b"\0\x20"
    assert bytes(s.SetDataEncryption(page_length=0xFFFF, key=bytes(32)))[2:4] == b"\xff\xff"
    assert bytes(s.SetDataEncryption(key_length=7, key=bytes(32)))[18:20] == b"\0\x07"
    assert bytes(s.KeyAssociatedData(key_descriptor_length=9, key_descriptor=b"abc")).endswith(
        b"\0\x09abc"
    )
    assert bytes(s.InSupport(page_codes=[0, 1]) / Raw(b"behind"))[2:4] == b"\0\x0a"
    assert bytes(LunList(luns=[0])) == bytes((0, 0, 0, 8)) + bytes(12)
    with pytest.raises(OverflowError):
        bytes(c.Read6(transfer_length=1 << 24))


def test_a_length_ends_what_it_counts() -> None:
    found: Any = s.InSupport(bytes.fromhex("0000 0004 0000 0010 ffff"))
    assert found.page_codes == [0x0000, 0x0010]
    assert found[Padding].load == b"\xff\xff"
    short: Any = s.InSupport(bytes.fromhex("0000 0008 0000 0010"))
    assert (short.page_codes, short.missing, short.cut) == ([0x0000, 0x0010], 4, None)
    cut: Any = m.DataCompression(bytes.fromhex("0f 04 c0 80 0000"))
    assert (cut.dce, cut.dde, cut.cut, cut.missing) == (1, 1, 6, 0)


def test_reserved_bits_have_names() -> None:
    names = {field.name for field in c.Read6.fields_desc}
    assert "reserved_1_7" in names
    assert bytes(c.Read6(reserved_1_7=0x3F))[1] == 0xFC
    with pytest.raises(ValueError, match="inside a byte"):
        bits("a b c")
    with pytest.raises(ValueError, match="not a field"):
        bits("a=b=c")
    assert any(isinstance(field, Length) for field in bits("-:24 length:8=auto"))


GOLDEN_CDBS = {
    "st reads 10240 bytes": (c.Read6(transfer_length=10240), "08 00 00 28 00 00"),
    "st, with SILI": (c.Read6(sili=1, transfer_length=512), "08 02 00 02 00 00"),
    "st asks for the medium": (c.ModeSense6(allocation_length=12), "1a 00 00 00 0c 00"),
    "st, back over a filemark": (c.Space6(code=1, count=-1), "11 01 ff ff ff 00"),
    "st, far forward": (c.Space6(code=1, count=0x7FFFFF), "11 01 7f ff ff 00"),
    "st, MTRETEN": (c.LoadUnload(reten=1, load=1), "1b 00 00 00 03 00"),
    "st, MTTELL": (c.ReadPosition(service_action=1), "34 01 00 00 00 00 00 00 00 00"),
    "stenc, status": (
        c.SecurityProtocolIn(
            security_protocol=0x20, security_protocol_specific=0x20, allocation_length=0x2004
        ),
        "a2 20 00 20 00 00 00 00 20 04 00 00",
    ),
    "sg_opcodes": (
        c.ReportSupportedOperationCodes(allocation_length=0x2000),
        "a3 0c 00 00 00 00 00 00 20 00 00 00",
    ),
    "sg_timestamp": (c.ReportTimestamp(allocation_length=12), "a3 0f" + " 00" * 7 + " 0c 00 00"),
    "sg_read_attr": (
        c.ReadAttribute(allocation_length=0x2000), "8c" + " 00" * 11 + " 20 00 00 00",
    ),
    "mtx asks for addresses": (
        c.ModeSense6(dbd=1, page_code=0x1D, allocation_length=0x88), "1a 08 1d 00 88 00",
    ),
    "mtx inventory": (
        c.ReadElementStatus(
            voltag=1,
            element_type_code=2,
            starting_element_address=0x1000,
            number_of_elements=9,
            allocation_length=0x31C,
        ),
        "b8 12 10 00 00 09 00 00 03 1c 00 00",
    ),
    "mtx load": (
        c.MoveMedium(
            medium_transport_element_address=1,
            source_element_address=0x1000,
            destination_element_address=0x100,
        ),
        "a5 00 00 01 10 00 01 00 00 00 00 00",
    ),
}  # fmt: skip
"""As these programs send them: their sources, captures of mtx 1.3.12, stenc 1.0.7, sg3 1.46."""


@pytest.mark.parametrize("name", GOLDEN_CDBS)
def test_golden_cdbs(name: str) -> None:
    packet, text = GOLDEN_CDBS[name]
    raw = bytes.fromhex(text)
    device = "changer" if name.startswith("mtx") else "tape"
    assert bytes(packet) == raw
    assert type(c.dissect_cdb(raw, device)) is type(packet)
    assert bytes(c.dissect_cdb(raw, device)) == raw


def test_golden_key_page_of_stenc() -> None:
    raw = bytes.fromhex("0010 0038 40 04 02 02 01" + "00" * 9 + "0020" + "ab" * 32 + "00000004")
    raw += b"desc"
    cdb, page = dissect(
        bytes(
            c.SecurityProtocolOut(
                security_protocol=0x20, security_protocol_specific=0x10, transfer_length=len(raw)
            )
        ),
        raw,
    )
    found: Any = page
    assert type(cdb) is c.SecurityProtocolOut
    assert (found.scope, found.ckod, found.lock, found.ceem) == (2, 1, 0, 0)
    assert (found.encryption_mode, found.decryption_mode, found.algorithm_index) == (2, 2, 1)
    assert found.key == b"\xab" * 32
    assert [bytes(one.key_descriptor) for one in found.kad_list] == [b"desc"]
    mine = s.SetDataEncryption(
        scope=2, ckod=1, encryption_mode=2, decryption_mode=2, algorithm_index=1,
        key=b"\xab" * 32, kad_list=[s.kad(0, b"desc")],
    )  # fmt: skip
    assert bytes(mine) == raw


def test_golden_capabilities() -> None:
    """The sample of stenc's tests, and a second algorithm that is the first one again."""
    one = "01 00 0014 8A 8C 0020 003C 0020 ED 00 0000 0000 0000 00010014"
    raw = bytes.fromhex("0010 0040 09" + "00" * 15 + one + one)
    found: Any = s.DataEncryptionCapabilities(raw)
    assert (found.extdecc, found.cfg_p) == (2, 1)
    first = found.algorithms[0]
    assert (first.avfmv, first.decrypt_c, first.encrypt_c, first.avfclp) == (1, 2, 2, 2)
    assert (first.maximum_ukad_length, first.maximum_akad_length, first.key_size) == (32, 60, 32)
    assert (first.dkad_c, first.eemc_c, first.rdmc_c, first.earem) == (3, 2, 6, 1)
    assert first.security_algorithm_code == 0x00010014
    found.clear_cache()
    assert bytes(found) == raw


def test_sense_of_both_formats() -> None:
    fixed = FixedSense(
        valid=1, filemark=1, information=-300, additional_sense_code_qualifier=1,
        command_specific_information=5, additional_sense_bytes=bytes(18),
    )  # fmt: skip
    raw = bytes(fixed)
    assert (len(raw), raw[7]) == (36, 28)
    found = dissect_sense(raw)
    assert (found.code, found.information, found.filemark) == ("0/00/01", -300, True)
    assert found.command_specific == 5 and found.field_pointer is None
    assert str(found) == "0/00/01 NO SENSE: FILEMARK DETECTED, FILEMARK, INFORMATION -300"
    described = DescriptorSense(
        response_code=0x73,
        sense_key=5,
        additional_sense_code=0x26,
        descriptors=[
            InformationDescriptor(valid=1, information=1 << 40),
            SenseKeySpecificDescriptor(sksv=1, bpv=1, bit_pointer=3, specific_value=4),
            StreamDescriptor(eom=1),
        ],
    )
    told = dissect_sense(bytes(described))
    assert (told.code, told.information, told.eom, told.deferred) == (
        "5/26/00",
        1 << 40,
        True,
        True,
    )
    assert told.field_pointer == (4, 3, True)
    assert "byte 4 bit 3 of the parameter list" in str(told)
    progress = dissect_sense(bytes(FixedSense(sense_key=2, sksv=1, specific_value=0x8000)))
    assert progress.progress == 0x8000
    for broken in (b"", bytes(7), bytes(18), b"\x7f" + bytes(17)):
        with pytest.raises(ValueError, match="sense data"):
            dissect_sense(broken)
    failed = dissect_sense(bytes(FixedSense(sense_key=4, additional_sense_code=0x40)))
    assert failed.text == "HARDWARE ERROR: DIAGNOSTIC FAILURE ON COMPONENT 00h"


def test_dissect_chooses_by_the_cdb() -> None:
    asked = bytes(c.ModeSense10(page_code=0x0F, allocation_length=255))
    page = m.ModeData10(
        block_descriptors=[m.BlockDescriptor(density_code=0x5A)], pages=[m.DataCompression(dce=1)]
    )
    _, found = dissect(asked, data_in=bytes(page))
    data: Any = found
    assert (data.block_descriptors[0].density_code, data.pages[0].dce) == (0x5A, 1)
    addresses = m.ChangerModeData6(pages=[m.ElementAddressAssignment(number_of_storage_elements=9)])
    asked = bytes(c.ModeSense6(page_code=0x1D, allocation_length=255))
    of_changer: Any = dissect(asked, data_in=bytes(addresses), device="changer")[1]
    assert of_changer.pages[0].number_of_storage_elements == 9
    assert type(dissect(bytes((0xB5, *bytes(11))))[0]) is c.SecurityProtocolOut
    assert type(dissect(bytes((0xB5, *bytes(11))), device="changer")[0]) is (
        c.RequestVolumeElementAddress
    )
    assert type(dissect(bytes(c.Read6()), data_in=bytes(100))[1]) is Raw
    assert type(dissect(b"\xff\x01")[0]) is c.UnknownCdb
    position: Any = dissect(bytes(c.ReadPosition()), data_in=bytes(ShortPosition(bop=1)))[1]
    assert position.bop == 1
    with pytest.raises(ValueError, match="operation code"):
        dissect(b"")


def test_any_bytes_are_dissected(pytestconfig: pytest.Config) -> None:
    dice = random.Random(int(pytestconfig.getoption("hypothesis_seed")))
    kinds = [bytes(one()) for one in c.all_cdbs()]
    for number in range(4000):
        cdb = bytearray(dice.choice(kinds))
        cdb[1:] = dice.randbytes(len(cdb) - 1) if number % 2 else cdb[1:]
        data = dice.randbytes(dice.choice((1, 2, 3, 4, 5, 8, 12, 20, 40, 90)))
        if number % 3:
            # A short length in front, as there mostly is.
            data = data[:1] + bytes((0, 0, dice.randrange(60))) + data[4:]
        device = dice.choice(("tape", "changer"))
        found = dissect(bytes(cdb[: dice.choice((1, 2, 6, 16))]), data, data, device=device)
        assert len(found) == 3
        for packet in found[1:]:
            assert bytes(packet) == data, packet.show(dump=True)
            packet.show(dump=True)
        with suppress(ValueError):
            str(dissect_sense(bytes((dice.randrange(0x70, 0x74),)) + data))


def test_lists_in_lists() -> None:
    tag = b"KRL001L9".ljust(32) + bytes(4)
    element = ElementDescriptor(
        element_address=0x1000, full=1, volume_tags=[Raw(tag)], identifier=b"IBM"
    )
    page = ElementStatusPage(element_type_code=2, pvoltag=1, descriptors=[element, element])
    raw = bytes(ElementStatusData(number_of_elements_available=2, pages=[page]))
    found: Any = ElementStatusData(raw)
    assert found.byte_count_of_report_available == len(raw) - 8
    descriptor = found.pages[0].descriptors[1]
    assert descriptor.volume_tags[0].volume_identifier.rstrip() == b"KRL001L9"
    assert (descriptor.full, descriptor.identifier) == (1, b"IBM")
    attributes: Any = AttributeValues(
        bytes(AttributeValues(attributes=[Attribute(attribute_identifier=0x806, format=1)] * 2))
    )
    assert [one.attribute_identifier for one in attributes.attributes] == [0x806, 0x806]
    rows = [LogParameter(parameter_code=n, parameter_value=b"\0\1") for n in (0, 1)]
    log: Any = LogPage(bytes(LogPage(page_code=0x0D, parameters=rows)))
    assert [one.temperature for one in log.parameters] == [1, 1]


def test_iscsi_pdus() -> None:
    login = i.LoginRequest(csg=1, nsg=3, t=1, data=i.text({"InitiatorName": "iqn.x", "a": "b"}))
    raw = bytes(login)
    assert len(raw) % 4 == 0 and raw[0] == 0x03 and raw[1] == 0x87
    found = i.dissect_pdu(raw + b"next")
    assert found.keys() == {"InitiatorName": "iqn.x", "a": "b"}
    assert found[Padding].load == b"next"
    command: Any = i.dissect_pdu(bytes(i.ScsiCommand(cdb=bytes(c.Rewind()), ahs=bytes(8), w=1)))
    assert (command.total_ahs_length, command.w, command.cdb[0]) == (2, 1, 1)
    for broken in (bytes(47), bytes((0x1F, *bytes(47)))):
        with pytest.raises(ValueError, match="iSCSI"):
            i.dissect_pdu(broken)
