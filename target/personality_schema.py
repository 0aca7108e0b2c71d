"""What may stand in a model's file: one table of rules, and the check that reads it.

A rule is a `Value` (what it wants, in words, and how to tell), a `Table` of named rules, or a `Map`
whose keys follow a pattern (opcodes, page codes). In a map, false takes an entry of the base away.
The check is of form only. That formats, conditions and the fields of mode pages exist is asked
where they are used, and by the tests of all models.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Value(NamedTuple):
    """A value that is no table; ``wants`` ends the sentence that refuses another one."""

    wants: str
    fits: Callable[[Any], bool]


class Table(NamedTuple):
    """A table of known keys; those of ``needs`` must be there once the bases are merged in."""

    rules: Mapping[str, Rule]
    needs: tuple[str, ...] = ()


class Map(NamedTuple):
    """A table whose keys follow a pattern, which ``key`` says in words."""

    key: str
    pattern: re.Pattern[str]
    rule: Rule
    named: Mapping[str, Rule] = {}
    """Keys that are none of those."""
    drops: bool = True
    """Whether false takes an entry away; else it is a value like others."""
    needs: tuple[str, ...] = ()
    """As of a table."""


Rule = Value | Table | Map


def _whole(value: object) -> bool:
    return type(value) is int and value >= 0


def text(most: int, least: int = 0) -> Value:
    """Text of so many characters."""
    length = f"of {most}" if least == most else f"of at most {most}"
    return Value(
        f"text {length} printable ASCII characters",
        lambda value: (
            isinstance(value, str)
            and least <= len(value) <= most
            and value.isascii()
            and value.isprintable()
        ),
    )


def _list(of: str, fits: Callable[[Any], bool]) -> Value:
    return Value(f"a list of {of}", lambda value: isinstance(value, list) and all(map(fits, value)))


def one_of(*words: str) -> Value:
    """One of some words."""
    return Value(f"one of {', '.join(words)}", lambda value: value in words)


def _some_of(*words: str) -> Value:
    return _list(f"any of {', '.join(words)}", lambda value: value in words)


def _page(value: object) -> bool:
    if isinstance(value, list):
        return all(
            isinstance(field, list)
            and len(field) == 2
            and isinstance(field[0], str)
            and _whole(field[1])
            for field in value
        )
    return value is True or (isinstance(value, str) and HEX_WORDS.fullmatch(value) is not None)


HEX_WORDS = re.compile(r"(([0-9A-F]{2}|\{serial\}|\{revision\}) ?)*")
HEX_DIGITS = re.compile(r"([0-9A-F]{2} ?)+")


NUMBER = Value("a whole number", _whole)
BYTE = Value("a number from 0 to 255", lambda value: _whole(value) and value < 256)
SECONDS = Value("a number", lambda value: type(value) in (int, float) and value >= 0)
FLAG = Value("true or false", lambda value: isinstance(value, bool))
PRESENT = Value("true or false", lambda value: value is True)
FORM = Value(
    "true, whose form the page has (ibm, hp or stk), or its parameters in hex digits",
    lambda value: (
        value is True
        or value in ("ibm", "hp", "stk")
        or (isinstance(value, str) and HEX_DIGITS.fullmatch(value) is not None)
    ),
)
NUMBERS = _list("whole numbers", _whole)
NAMES = _list("names", lambda value: isinstance(value, str))
BASE = Value("a name or a list of names", lambda value: isinstance(value, str) or NAMES.fits(value))
PAGE = Value("true, hex digits or a list of [text, width]", _page)
CODE = Value(
    'a code such as "7/EF/10"',
    lambda value: (
        isinstance(value, str)
        and re.fullmatch(r"[0-9A-F]/[0-9A-F]{2}/[0-9A-F]{2}", value) is not None
    ),
)
ANY = Value("a table", lambda value: isinstance(value, dict))
"""A table that its reader checks."""

HEX = re.compile(r"[0-9A-F]{2}")
HEX_PAIR = re.compile(r"[0-9A-F]{2}(-[0-9A-F]{2})?")
PAGES = 'a page code in hex, with a subpage where there is one ("10", "10-01")'

CONTROLS = ("application", "library", "system", "agent")
_ALGORITHM = (
    "sdk_c", "mac_c", "delb_c", "decrypt_c", "encrypt_c", "nonce_c", "kadf_c", "vcelb_c", "ukadf",
    "akadf", "dkad_c", "eemc_c", "rdmc_c", "earem", "max_eedk_count", "max_sdk_count",
    "max_eedk_size",
)  # fmt: skip
_MANAGEMENT = ("lock_c", "ckod_c", "ckorp_c", "ckorl_c", "aitn_c", "local_c", "public_c")
_TIMEOUTS = (
    "short", "erase", "filemarks", "format", "load", "locate", "read", "read_buffer", "rewind",
    "send_diagnostic", "set_capacity", "verify", "write", "write_buffer",
)  # fmt: skip
_TIMING = (
    "buffer", "clean", "format", "load", "locate", "optimise", "rate", "rewind", "settle", "space",
    "thread", "unload",
)  # fmt: skip

ENCRYPTION = Table(
    {
        "algorithm_index": NUMBER,
        "algorithm_code": NUMBER,
        "max_ukad": NUMBER,
        "max_akad": NUMBER,
        "max_mkad": NUMBER,
        "key_formats": NUMBERS,
        "in_pages": NUMBERS,
        "out_pages": NUMBERS,
        "key_fail_limit": NUMBER,
        "zero_fill_kads": FLAG,
        "ukad_code": NUMBER,
        "accepted_algorithms": NUMBERS,
        "algorithms": Map(
            "an algorithm index in hex",
            HEX,
            Table({"formats": NAMES, "max_ukad": NUMBER, "max_akad": NUMBER}, needs=("formats",)),
        ),
        "next_block": Table(
            {"end_of_data": NUMBER, "zeros_without_volume": FLAG, "index_when_off": FLAG}
        ),
        "compliance": Table(
            {
                "standard": text(1),
                "level": text(1),
                "hardware": text(127),
                "version": text(127),
                "module": text(255),
            }
        ),
        "capabilities": Table({"extdecc": NUMBER, "cfg_p": NUMBER}),
        "algorithm": Table(dict.fromkeys(_ALGORITHM, NUMBER)),
        "management": Table(dict.fromkeys(_MANAGEMENT, NUMBER)),
        "control": Table(
            {
                "knows": _some_of(*CONTROLS),
                "default": one_of(*CONTROLS),
                "silent": _some_of(*CONTROLS),
                "reported": FLAG,
                "slots": NUMBER,
                "key_timeout": SECONDS,
            }
        ),
        "numbers": Map("a sense key in hex", re.compile(r"[0-9A-F]"), NUMBERS),
    }
)

QUIRKS = Table(
    {
        "encrypts_whole_volume": FLAG,
        "formats": NUMBERS,
        "key_to_position": FLAG,
        "least_proportion": NUMBER,
        "optimises_media": FLAG,
        "partition_methods": _some_of("fdp", "sdp", "idp"),
        "partition_on_mode_select": FLAG,
        "sense_tail": one_of("hp", "ibm", "ibm-8", "stk"),
        "sequential_filemarks": FLAG,
        "spin_longest": NUMBER,
        "tells_rounding": FLAG,
        "worm_capacity": FLAG,
    }
)

ANY_DEVICE: dict[str, Rule] = {
    "commands": Map(
        'an opcode in hex, with its service action where it has one ("08", "A3-0C")',
        HEX_PAIR,
        PRESENT,
    ),
    "modes": Map(PAGES, HEX_PAIR, ANY),
    "logs": Map(PAGES, HEX_PAIR, FORM),
    "sense": Map(
        "the name of a condition in target/scsi/sense.py",
        re.compile(r"[A-Z][A-Z_]+"),
        Table({"code": CODE, "fsc": NUMBER}),
    ),
}
"""Tables that drives and libraries have alike."""


def inquiry(numbers: Map, **more: Rule) -> Table:
    """The inquiry table; ``numbers``: which bytes a model may set by number."""
    return Table(
        {
            "vendor": text(8),
            "product": text(16),
            "revision": text(4, 4),
            "version": NUMBER,
            "length": NUMBER,
            "version_descriptors": NUMBERS,
            "bytes": numbers,
            **more,
        },
        needs=("vendor", "product", "revision", "version"),
    )


SCHEMA = Table(
    {
        "base": BASE,
        "inquiry": inquiry(
            Map(
                "the number of a byte that no other key sets, below 96",
                re.compile(r"[135-7]|3[6-9]|4[0-9]|5[0-7]|7[4-9]|8[0-9]|9[0-5]"),
                BYTE,
            ),
        ),
        "limits": Table(
            dict.fromkeys(
                ("max_block", "min_block", "sense_length", "clean_after", "clean_now"), NUMBER
            ),
            needs=("max_block", "min_block", "sense_length"),
        ),
        "media": Table(
            {
                "native": text(16),
                "read_write": NAMES,
                "read_only": NAMES,
                "medium_types": Table(dict.fromkeys(("data", "worm", "cleaning"), NUMBER)),
            },
            needs=("native", "read_write", "read_only"),
        ),
        **ANY_DEVICE,
        "vpd": Table(
            {"naa_prefix": NUMBER, "pages": Map("a page code in hex", HEX, PAGE)},
            needs=("naa_prefix", "pages"),
        ),
        "attributes": Map(
            'an attribute in hex ("080C")',
            re.compile(r"[0-9A-F]{4}"),
            Value("a size or false", lambda value: isinstance(value, bool) or _whole(value)),
            named={"unit": NUMBER, "any_first": FLAG, "partitioned_only": FLAG},
            drops=False,
        ),
        "encryption": ENCRYPTION,
        "reservations": Table(
            {
                "types": NUMBERS,
                "crh": FLAG,
                "sip_c": FLAG,
                "ptpl_c": FLAG,
                "allow_commands": NUMBER,
                "conflicts": NUMBERS,
                "limit": NUMBER,
                "protocol": NUMBER,
            }
        ),
        "diagnostics": Table({"dump": FLAG}),
        "buffers": Map(
            "a buffer id in hex",
            HEX,
            Table({"size": NUMBER, "boundary": NUMBER, "dump": FLAG}),
        ),
        "timeouts": Map(
            'an opcode in hex, with its service action where it has one ("08", "A3-0C")',
            HEX_PAIR,
            NUMBER,
            named=dict.fromkeys(_TIMEOUTS, NUMBER),
            needs=("short",),
        ),
        "timing": Table(dict.fromkeys(_TIMING, SECONDS)),
        "quirks": QUIRKS,
    },
    needs=("inquiry", "limits", "media", "commands", "vpd", "timeouts"),
)


def check(file: str, own: Mapping[str, Any], schema: Table = SCHEMA) -> None:
    """What one file holds. ValueError: file, key and cure in one sentence."""
    _check(file, "", schema, own)


def require(file: str, tables: Mapping[str, Any], schema: Table = SCHEMA) -> None:
    """That a model, its bases merged in, says all that must be said; ValueError as above."""
    _require(file, "", schema, tables)


def drop(tables: Mapping[str, Any], schema: Table = SCHEMA) -> dict[str, Any]:
    """Without the entries that false has taken away."""
    return _drop(schema, tables)


def _check(file: str, path: str, rule: Rule, value: object) -> None:
    if isinstance(rule, Value):
        if not rule.fits(value):
            raise ValueError(f"{file}: {path} = {value!r} will not do, write {rule.wants}")
    elif not isinstance(value, dict):
        raise ValueError(f"{file}: {path} = {value!r} will not do, write a table")
    else:
        for key, item in value.items():
            place = f"{path}.{key}" if path else key
            inner = _rule(file, place, rule, key)
            if item is not False or not isinstance(rule, Map) or not rule.drops:
                _check(file, place, inner, item)


def _rule(file: str, place: str, rule: Table | Map, key: str) -> Rule:
    """The rule for a key of a table."""
    if isinstance(rule, Table):
        if key in rule.rules:
            return rule.rules[key]
        known = ", ".join(sorted(rule.rules))
        raise ValueError(f"{file}: {place} is not known, write one of {known}")
    if key in rule.named:
        return rule.named[key]
    if rule.pattern.fullmatch(key):
        return rule.rule
    wanted = " or ".join((rule.key, *rule.named))
    raise ValueError(f"{file}: {place} is not known, write {wanted}")


def _require(file: str, path: str, rule: Rule, tables: Mapping[str, Any]) -> None:
    if isinstance(rule, Value):
        return
    rules = rule.rules if isinstance(rule, Table) else rule.named
    for key in rule.needs:
        place = f"{path}.{key}" if path else key
        if key not in tables:
            raise ValueError(f"{file}: {place} is missing, add it here or in a base")
        _require(file, place, rules[key], tables[key])


def _drop(rule: Rule, tables: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(rule, Map):
        return {key: item for key, item in tables.items() if item is not False or not rule.drops}
    rules = rule.rules if isinstance(rule, Table) else {}
    return {
        key: _drop(rules[key], item) if isinstance(rules.get(key), Table | Map) else item
        for key, item in tables.items()
    }
