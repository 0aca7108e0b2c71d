"""Encryption by keys of the application: SECURITY PROTOCOL IN and OUT, and what keys do."""

from __future__ import annotations

from typing import Any

from target.medium.cartridge import Cartridge
from target.medium.formats import FORMATS
from target.scsi import sense as s
from target.transports.inprocess import Reply
from tests.encryption.keys import (
    ALL,
    DECRYPT,
    DISABLE,
    ENCRYPT,
    EXTERNAL,
    KEY_A,
    KEY_B,
    MIXED,
    RAW,
    keys_off,
    set_page,
    spin,
    spout,
    spout_cdb,
)
from tests.personalities.bench import Bench, Model, good, refused
from tests.personalities.registry import Applies, check
from tests.tape.host import GOOD, Host

CAPABILITIES, KEY_FORMATS, MANAGEMENT, STATUS, NEXT, RANDOM = (
    0x10, 0x11, 0x12, 0x20, 0x21, 0x30,
)  # fmt: skip
DKAD_REQUIRED = 1
RAW_NEVER = (1, 6)
EXTERNAL_ALLOWED = 2


def encrypts(model: Model) -> bool:
    return model.encrypts


def ability(group: str, field: str, *values: int) -> Applies:
    """The model encrypts, and a field of its abilities has one of these values."""
    return lambda model: (
        model.encrypts and model.personality.encryption[group].get(field, 0) in values
    )


def algorithms(model: Model) -> dict[int, dict[str, Any]]:
    """The algorithm descriptors of the model: index -> max_ukad, max_akad, formats."""
    table = model.personality.encryption
    encrypting = {form.name for form in model.reads if form.encrypts}
    common = {name: table[name] for name in ("max_ukad", "max_akad")}
    if "algorithms" not in table:
        return {table["algorithm_index"]: {**common, "formats": encrypting}}
    rows = {
        int(index, 16): {**common, **row, "formats": set(row["formats"]) & encrypting}
        for index, row in sorted(table["algorithms"].items())
    }
    return {index: row for index, row in rows.items() if row["formats"]}


def own_index(model: Model) -> int:
    """The algorithm of the model's own format."""
    rows = algorithms(model).items()
    return next(index for index, row in rows if model.native.name in row["formats"])


def keyed(bench: Bench, host: Host, **fields: Any) -> Reply:
    """SET DATA ENCRYPTION with key A, ENCRYPT and DECRYPT, unless ``fields`` say otherwise."""
    table = bench.model.personality.encryption
    values: dict[str, Any] = {
        "key": KEY_A, "encryption": ENCRYPT, "decryption": DECRYPT,
        "algorithm": own_index(bench.model),
    }  # fmt: skip
    if table["algorithm"]["dkad_c"] == DKAD_REQUIRED:
        values["u_kad"] = b"key-associated"
    return spout(host, set_page(**{**values, **fields}))


def encrypted(bench: Bench) -> Host:
    """A host that has set key A, at a tape of one encrypted block and a filemark, rewound."""
    host = bench.tape()
    assert keyed(bench, host).status == GOOD
    host.write_tape([b"secret", None])
    return host


# --- models that cannot --------------------------------------------------------------------------


@check(lambda model: not model.encrypts)
def not_there(bench: Bench) -> None:
    host = bench.tape()
    data = set_page(key=KEY_A, encryption=ENCRYPT, decryption=DECRYPT)
    refused(host.send(spout_cdb(len(data)), out=data), s.INVALID_OPCODE, (0, None))
    refused(host.send(bytes((0xA2, 0x20)) + bytes(10), size=64), s.INVALID_OPCODE, (0, None))


# --- pages ---------------------------------------------------------------------------------------


@check(encrypts)
def protocols(bench: Bench) -> None:
    """Protocol information and tape data encryption, no certificate."""
    host = bench.empty()
    assert spin(host, 0, protocol=0) == bytes(6) + b"\0\2" + b"\x00\x20"
    assert spin(host, 1, protocol=0) == bytes(4)
    for cdb, place in (
        (bytes((0xA2, 0x21)) + bytes(10), (1, 7)),
        (bytes((0xA2, 0x20, 0, 0, 0x80)) + bytes(7), (4, 7)),
        (bytes((0xB5, 0x00)) + bytes(10), (1, 7)),
        (bytes((0xB5, 0x20, 0, 0x77)) + bytes(8), (2, 7)),
    ):
        refused(host.send(cdb, size=64), s.INVALID_FIELD_IN_CDB, place)


@check(encrypts)
def lists_of_pages(bench: Bench) -> None:
    host, table = bench.empty(), bench.model.personality.encryption
    for code, name in ((0, "in_pages"), (1, "out_pages")):
        body = b"".join(one.to_bytes(2) for one in table[name])
        assert spin(host, code) == code.to_bytes(2) + len(body).to_bytes(2) + body


@check(encrypts)
def every_page_answers(bench: Bench) -> None:
    """With exact lengths; any other page is refused."""
    host, table = bench.tape(), bench.model.personality.encryption
    for code in range(0x50):
        cdb = bytes((0xA2, 0x20)) + code.to_bytes(2) + bytes(2) + (8192).to_bytes(4) + bytes(2)
        reply = host.send(cdb, size=8192)
        if code in table["in_pages"]:
            data = good(reply)
            assert data[:2] == code.to_bytes(2)
            assert int.from_bytes(data[2:4]) == len(data) - 4
            assert spin(host, code, 4)[:4] == data[:4]
        else:
            refused(reply, s.INVALID_FIELD_IN_CDB, (2, 7))


@check(encrypts)
def capabilities(bench: Bench) -> None:
    """A descriptor for each algorithm of the model, with its fields."""
    table = bench.model.personality.encryption
    data = spin(bench.tape(), CAPABILITIES)
    head = table["capabilities"]
    assert data[4] == head["extdecc"] << 2 | head["cfg_p"]
    rows = [data[at : at + 24] for at in range(20, len(data), 24)]
    known = algorithms(bench.model)
    assert [row[0] for row in rows] == list(known)
    field = table["algorithm"]
    for row, wanted in zip(rows, known.values(), strict=True):
        assert row[2:4] == b"\0\x14"
        assert row[4] & 0x7F == (
            field.get("mac_c", 0) << 5 | field.get("delb_c", 0) << 4
            | field["decrypt_c"] << 2 | field["encrypt_c"] | field.get("sdk_c", 0) << 6
        )  # fmt: skip
        assert bool(row[4] & 0x80) == (bench.model.native.name in wanted["formats"]), "AVFMV"
        assert row[5] >> 4 & 3 == field["nonce_c"]
        assert int.from_bytes(row[6:8]) == wanted["max_ukad"]
        assert int.from_bytes(row[8:10]) == wanted["max_akad"]
        assert int.from_bytes(row[10:12]) == 32
        assert row[12] >> 1 & 7 == field["rdmc_c"]
        assert row[12] >> 4 & 3 == field["eemc_c"]
        assert row[12] >> 6 == field["dkad_c"]
        assert int.from_bytes(row[20:24]) == table["algorithm_code"]


@check(encrypts)
def key_formats(bench: Bench) -> None:
    table = bench.model.personality.encryption
    assert spin(bench.empty(), KEY_FORMATS)[4:] == bytes(table["key_formats"])


@check(encrypts)
def management(bench: Bench) -> None:
    can = bench.model.personality.encryption["management"]
    data = spin(bench.empty(), MANAGEMENT)
    assert len(data) == 16
    assert data[4] & 1 == can["lock_c"]
    assert data[5] & 7 == can["ckod_c"] << 2 | can["ckorp_c"] << 1 | can["ckorl_c"]
    assert data[7] & 7 == can["aitn_c"] << 2 | can["local_c"] << 1 | can["public_c"]


@check(encrypts)
def status_at_first(bench: Bench) -> None:
    """Public scope, nothing is encrypted or decrypted."""
    data = spin(bench.tape(), STATUS)
    assert len(data) == 24
    assert data[4:12] == bytes(8)
    reported = bench.model.personality.encryption["control"].get("reported", True)
    assert data[12] >> 4 & 7 == (1 if reported else 0)


@check(encrypts)
def status_of_a_key(bench: Bench) -> None:
    """Scope, modes, algorithm, counter, key-associated data."""
    host = bench.tape()
    kad = b"label" if algorithms(bench.model)[own_index(bench.model)]["max_ukad"] else b""
    assert keyed(bench, host, u_kad=kad).status == GOOD
    data = spin(host, STATUS)
    assert data[4] == ALL << 5 | ALL
    assert data[5:8] == bytes((ENCRYPT, DECRYPT, own_index(bench.model)))
    assert int.from_bytes(data[8:12]) == 1
    if kad:
        assert data[24:26] == bytes((0, bench.model.personality.encryption.get("ukad_code", 1)))
        assert data[28:33] == kad
    assert keyed(bench, host, key=KEY_B).status == GOOD
    assert int.from_bytes(spin(host, STATUS)[8:12]) == 2


@check(lambda model: model.encrypts and RANDOM in model.personality.encryption["in_pages"])
def random_numbers(bench: Bench) -> None:
    host = bench.empty()
    seen = {spin(host, RANDOM)[4:] for _ in range(4)}
    assert len(seen) == 4
    assert all(len(one) == 32 for one in seen)


# --- keys ----------------------------------------------------------------------------------------


@check(encrypts)
def round_trip(bench: Bench) -> None:
    """What is written with a key is read with it, and is not on the tape in clear."""
    host = encrypted(bench)
    assert good(host.read(6)) == b"secret"
    cartridge = host.drive.cartridge
    assert isinstance(cartridge, Cartridge)
    cartridge.partitions[0].sync()
    stored = b"".join(path.read_bytes() for path in cartridge.folder.rglob("data"))
    assert b"secret" not in stored
    assert cartridge.partitions[0].used > 6


@check(encrypts)
def wrong_key(bench: Bench) -> None:
    """7/74/03, and the tape stays before the block; the right key reads it."""
    host = encrypted(bench)
    assert keyed(bench, host, key=KEY_B).status == GOOD
    refused(host.read(6), bench.model.code(s.INCORRECT_KEY))
    assert host.position() == 0
    assert keyed(bench, host).status == GOOD
    assert good(host.read(6)) == b"secret"


@check(encrypts)
def no_key(bench: Bench) -> None:
    """7/74/01, or the model's own code."""
    host = encrypted(bench)
    keys_off(host)
    refused(host.read(6), bench.model.code(s.ENCRYPTED_NOT_READABLE))
    assert host.position() == 0


@check(encrypts)
def clear_blocks(bench: Bench) -> None:
    """DECRYPT refuses them with 7/74/02, MIXED and DISABLE read them."""
    host = bench.tape()
    host.write_tape([b"clear"])
    assert good(host.read(5)) == b"clear"
    host.rewind()
    assert keyed(bench, host, encryption=DISABLE, decryption=DECRYPT).status == GOOD
    refused(host.read(5), s.UNENCRYPTED_DATA)
    assert keyed(bench, host, encryption=DISABLE, decryption=MIXED).status == GOOD
    assert good(host.read(5)) == b"clear"


@check(lambda model: model.encrypts and not model.quirk("encrypts_whole_volume"))
def clear_and_encrypted_blocks(bench: Bench) -> None:
    """One behind the other, as the parameters are when each is written."""
    host = bench.tape()
    host.write(b"clear")
    assert keyed(bench, host, decryption=MIXED).status == GOOD
    host.write(b"secret")
    host.rewind()
    assert good(host.read(5)) == b"clear"
    assert good(host.read(6)) == b"secret"


@check(lambda model: model.quirk("encrypts_whole_volume"))
def whole_volumes(bench: Bench) -> None:
    """Nothing clear behind what is encrypted, nothing encrypted behind what is clear."""
    host = encrypted(bench)
    host.space(3)
    keys_off(host)
    refused(host.write(b"clear"), bench.model.code(s.ENCRYPTED_VOLUME_WRITE_CLEAR))
    clear = bench.tape()
    clear.write(b"clear")
    assert keyed(bench, clear).status == GOOD
    refused(clear.write(b"secret"), bench.model.code(s.APPEND_ENCRYPTED_TO_CLEAR))


@check(lambda model: model.quirk("key_to_position"))
def keys_to_position(bench: Bench) -> None:
    """Spacing over an encrypted block needs its key."""
    host = encrypted(bench)
    assert host.space(0, 1).status == GOOD
    host.rewind()
    keys_off(host)
    refused(host.space(0, 1), bench.model.code(s.ENCRYPTED_NOT_READABLE))
    assert host.position() == 0
    marked = bench.tape()
    marked.filemarks()
    assert keyed(bench, marked).status == GOOD
    marked.write(b"secret")
    keys_off(marked)
    for number in (0, 1):
        assert marked.locate(number).status == GOOD
    refused(marked.locate(2), bench.model.code(s.ENCRYPTED_NOT_READABLE))


@check(encrypts)
def next_block(bench: Bench) -> None:
    """Encrypted and readable or not, a filemark, the end of data."""
    host = encrypted(bench)
    table = bench.model.personality.encryption

    def status() -> int:
        data = spin(host, NEXT)
        assert len(data) >= 16
        assert int.from_bytes(data[4:12]) == host.position()
        return data[12] & 0xF

    assert status() == 5
    keys_off(host)
    assert status() == 6
    assert keyed(bench, host).status == GOOD
    host.locate(1)
    assert status() == 2
    host.locate(2)
    assert status() == table.get("next_block", {}).get("end_of_data", 1)


@check(encrypts)
def next_block_in_clear(bench: Bench) -> None:
    host = bench.tape()
    host.write_tape([b"clear"])
    data = spin(host, NEXT)
    assert (data[12] & 0xF, data[13]) == (3, 0)


# --- what is wrong with a page -------------------------------------------------------------------


@check(encrypts)
def wrong_fields(bench: Bench) -> None:
    """5/26/00 with the field pointer."""
    host = bench.tape()
    for fields, at in (
        ({"scope": 3}, 4),
        ({"encryption": 3}, 6),
        ({"decryption": 4}, 7),
        ({"algorithm": 0x77}, 8),
        ({"key_format": 9}, 9),
        ({"key": bytes(16)}, 18),
        ({"key": b""}, 18),
        ({"sdk": 1}, 5),
        ({"rdmc": 1}, 5),
    ):
        sense = refused(keyed(bench, host, **fields), s.INVALID_PARAMETER)
        assert sense.pointer is not None and sense.pointer[0] == at, (fields, sense)
    assert spin(host, STATUS)[4:8] == bytes(4)


@check(encrypts)
def wrong_lengths(bench: Bench) -> None:
    host = bench.tape()
    data = set_page(key=KEY_A, encryption=ENCRYPT, decryption=DECRYPT)
    for length in (4, 19, len(data) - 1):
        refused(host.send(spout_cdb(length), out=data[:length]), s.PARAMETER_LIST_LENGTH)
    refused(host.send(spout_cdb(len(data)), out=data[:-1]), s.DATA_PHASE_ERROR)
    assert host.send(spout_cdb(0)).status == GOOD


@check(encrypts)
def key_associated_data_have_limits(bench: Bench) -> None:
    """The longest are taken, longer ones are 5/26/00."""
    host, row = bench.tape(), algorithms(bench.model)[own_index(bench.model)]
    table = bench.model.personality.encryption
    relaxed = "accepted_algorithms" in table
    most = {
        name: max(one[f"max_{name[0]}kad"] for one in algorithms(bench.model).values())
        if relaxed
        else row[f"max_{name[0]}kad"]
        for name in ("u_kad", "a_kad")
    }
    for name, longest in most.items():
        if longest:
            assert keyed(bench, host, **{name: bytes(longest)}).status == GOOD, name
        refused(keyed(bench, host, **{name: bytes(longest + 1)}), s.INVALID_PARAMETER)


@check(encrypts)
def raw_reading(bench: Bench) -> None:
    """As RDMC_C of the model has it."""
    host = bench.tape()
    raw = keyed(bench, host, encryption=DISABLE, decryption=RAW, key=b"")
    if bench.model.personality.encryption["algorithm"]["rdmc_c"] in RAW_NEVER:
        refused(raw, s.INVALID_PARAMETER, (7, None))
    else:
        assert raw.status == GOOD


@check(encrypts)
def external_encryption(bench: Bench) -> None:
    """As EEMC_C of the model has it."""
    host, table = bench.tape(), bench.model.personality.encryption
    reply = keyed(
        bench, host, encryption=EXTERNAL, decryption=MIXED, m_kad=bytes(table["max_mkad"])
    )
    if table["algorithm"]["eemc_c"] == EXTERNAL_ALLOWED:
        assert reply.status == GOOD
    else:
        refused(reply, s.INVALID_PARAMETER, (6, None))


@check(encrypts)
def too_many_wrong_keys(bench: Bench) -> None:
    """7/26/10 after as many as the model takes; a new load of the volume begins anew."""
    host = encrypted(bench)
    for number in range(bench.model.personality.encryption["key_fail_limit"]):
        key = number.to_bytes(32)
        assert keyed(bench, host, key=key).status == GOOD
        refused(host.read(6), bench.model.code(s.INCORRECT_KEY))
    refused(keyed(bench, host), s.KEY_FAIL_LIMIT)
    host.load(load=False)
    host.load()
    host.hear()
    assert keyed(bench, host).status == GOOD
    assert good(host.read(6)) == b"secret"


# --- volumes -------------------------------------------------------------------------------------


@check(lambda model: model.encrypts and any(not form.encrypts for form in model.writes))
def formats_that_cannot_be_encrypted(bench: Bench) -> None:
    """7/74/07, and the tape is not touched."""
    model = bench.model
    form = next(form for form in model.writes if not form.encrypts)
    host = bench.tape(model.cartridge(form), recorded=form)
    host.write_tape([b"clear"])
    host.space(3)
    assert host.drive.density is form
    assert keyed(bench, host).status == GOOD
    refused(host.write(b"secret"), s.ENCRYPTION_NOT_USEABLE)
    assert host.position() == 1


@check(encrypts)
def density_of_an_encrypted_volume(bench: Bench) -> None:
    """3592 volumes have a density code of their own."""
    host = encrypted(bench)
    data = good(host.send(bytes((0x1A, 0, 0, 0, 255, 0)), size=255))
    native = bench.model.native
    assert data[4] == native.encrypted_density
    assert (native.encrypted_density == native.density) == (native.family != "3592")


@check(ability("algorithm", "vcelb_c", 1))
def volume_contains_encrypted_blocks(bench: Bench) -> None:
    """VCELB of the status page."""
    host = encrypted(bench)
    assert spin(host, STATUS)[12] & 0x08
    assert not spin(bench.tape(), STATUS)[12] & 0x08


@check(lambda model: model.encrypts and len(algorithms(model)) > 1)
def algorithms_of_older_formats(bench: Bench) -> None:
    """A volume of an older format is encrypted with that format's algorithm."""
    for index, row in algorithms(bench.model).items():
        for name in sorted(row["formats"]):
            form = FORMATS[name]
            kind = bench.model.cartridge(form)
            if form in bench.model.writes and kind is not None:
                host = bench.tape(kind, recorded=form)
                assert keyed(bench, host, algorithm=index, u_kad=b"").status == GOOD
                assert host.write(b"secret").status == GOOD
                host.rewind()
                assert good(host.read(6)) == b"secret"
