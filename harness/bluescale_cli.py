"""keyreel bluescale: the encryption screens of a library that manages keys itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.library_cli import show_messages
from harness.operator_cli import (
    FILE,
    JSON,
    PASSWORDS,
    Operating,
    ask,
    password,
    password_file,
    show,
)

if TYPE_CHECKING:
    from keymgr.secret import Secret

SINGLE, MULTI = "single", "multi"
USERS = {SINGLE: 1, MULTI: 3}
"""User modes, and how many encryption passwords each has."""
AUTHORIZATION = password_file(
    "authorization",
    "Multi-user mode: read an encryption password from FILE; give it twice.",
    several=True,
)


@click.group(cls=Operating)
def bluescale() -> None:
    """Manage the keys that a library keeps itself.

    Log in as a superuser first (keyreel library login), then give the encryption password
    (keyreel bluescale authorize). Partitions encrypt with these keys once their encryption method
    is bluescale (keyreel library encryption).
    """


# --- the second gate, and the settings -------------------------------------------------------


@bluescale.command(call="authorize", epilog=PASSWORDS)
@password_file()
def authorize(password_file: Path | None) -> None:
    """Give the encryption password, blank at first.

    In multi-user mode any of the three. It holds as long as the session, and unlocks a library with
    secure initialization.
    """
    ask("authorize", password=password("Encryption password", password_file))


@bluescale.command(call="bluescale.status")
@JSON
def status(as_json: bool) -> None:
    """Tell the settings, and the partitions' keys."""
    told = ask("bluescale.status")
    if as_json:
        show(told, as_json)
        return
    partitions = told.pop("partitions")
    show(told, as_json, **{key: key.replace("_", " ") for key in told if key != "most_keys"})
    if partitions:
        click.echo()
        show(partitions, as_json)


@bluescale.command("password", call="bluescale.set_passwords bluescale.status", epilog=PASSWORDS)
@password_file("current", "Read a present encryption password from FILE.")
@password_file("new", "Read a new one from FILE; three times in multi-user mode.", several=True)
def set_password(current_file: Path | None, new_file: tuple[Path, ...]) -> None:
    """Set the encryption password.

    In multi-user mode all three. Standard input: a present one, then the new ones.
    """
    _set_passwords(ask("bluescale.status")["user_mode"], current_file, new_file)


@bluescale.command("mode", call="bluescale.set_passwords", epilog=PASSWORDS)
@click.argument("mode", type=click.Choice([SINGLE, MULTI]))
@password_file("current", "Read a present encryption password from FILE.")
@password_file("new", "Read a new one from FILE; three times for multi.", several=True)
def set_mode(mode: str, current_file: Path | None, new_file: tuple[Path, ...]) -> None:
    """Choose the user mode: one password, or three.

    With three, exporting and importing keys takes two of them. The passwords are set anew. Standard
    input: a present one, then the new ones.
    """
    _set_passwords(mode, current_file, new_file)


def _set_passwords(mode: str, current_file: Path | None, new_files: tuple[Path, ...]) -> None:
    count = USERS[mode]
    current = password("Present encryption password", current_file)
    new = _several("New encryption password", new_files, count, new=True)
    ask("bluescale.set_passwords", current=current, mode=mode, new=new)


def _several(what: str, files: tuple[Path, ...], count: int, *, new: bool = False) -> list[Secret]:
    """So many passwords, from files or asked for."""
    if files and len(files) != count:
        raise click.UsageError(f"{count} files with passwords are needed, not {len(files)}")
    names = [f"{what} {number}" for number in range(1, count + 1)] if count > 1 else [what]
    return [
        password(name, file, new=new)
        for name, file in zip(names, files or [None] * count, strict=True)
    ]


@bluescale.command("secure-initialization", call="bluescale.set_secure_initialization")
@click.argument("setting", type=click.Choice(["on", "off"]))
def secure_initialization(setting: str) -> None:
    """Lock encryption at each power-on, or not.

    With it, encrypted data wait for an encryption password after each power-on.
    """
    ask("bluescale.set_secure_initialization", on=setting == "on")


# --- keys ------------------------------------------------------------------------------------


@bluescale.command(call="bluescale.create")
@click.argument("moniker")
def create(moniker: str) -> None:
    """Create a key with the name MONIKER."""
    click.echo(ask("bluescale.create", moniker=moniker)["reminder"])


@bluescale.command(call="bluescale.keys")
@JSON
def keys(as_json: bool) -> None:
    """List the keys and the partitions that have them."""
    show(ask("bluescale.keys"), as_json)


@bluescale.command(call="bluescale.assign")
@click.argument("partition")
@click.argument("primary")
@click.option("--decrypt-only", multiple=True, metavar="MONIKER", help="Only to read with.")
def assign(partition: str, primary: str, decrypt_only: tuple[str, ...]) -> None:
    """Give PARTITION its keys: PRIMARY, and some to read.

    It writes and reads with the key PRIMARY; those that it had before and that are not named are
    taken from it.
    """
    only = list(decrypt_only)
    told = ask("bluescale.assign", partition=partition, primary=primary, decrypt_only=only)
    show(told, False)


@bluescale.command(call="bluescale.unassign")
@click.argument("partition")
def unassign(partition: str) -> None:
    """Take all keys from PARTITION."""
    ask("bluescale.unassign", partition=partition)


@bluescale.command(call="bluescale.export bluescale.status", epilog=PASSWORDS)
@click.argument("moniker")
@click.option("--output", type=FILE, metavar="FILE", help="Default: MONIKER.bsk, in this folder.")
@click.option("--location", help="Where the copy will be kept, for the tracking record.")
@password_file("password", "Read the key password from FILE.")
@AUTHORIZATION
def export(
    moniker: str,
    output: Path | None,
    location: str | None,
    password_file: Path | None,
    authorization_file: tuple[Path, ...],
) -> None:
    """Export a key to a new file, under a key password.

    Standard input: in multi-user mode two encryption passwords, then the key password.
    """
    from harness.operating import copied, tried
    from harness.private_files import require_absent, write_new

    file = output or Path(f"{moniker}.bsk".replace("/", "-"))
    tried(require_absent, file)
    passwords = _two_of_three(authorization_file)
    secret = password("Key password", password_file, new=True)
    told = ask(
        "bluescale.export",
        moniker=moniker,
        password=secret,
        confirm=copied(secret),
        passwords=passwords,
        location=location,
    )
    tried(write_new, file, told["data"])
    click.echo(f"the key {moniker} is in {file}, copy {told['copy']}; keep its password elsewhere")


@bluescale.command("import", call="bluescale.import_key bluescale.status", epilog=PASSWORDS)
@click.argument("file", type=FILE)
@password_file("password", "Read the key password from FILE.")
@AUTHORIZATION
def import_key(
    file: Path, password_file: Path | None, authorization_file: tuple[Path, ...]
) -> None:
    """Import the key of an exported FILE.

    Standard input: in multi-user mode two encryption passwords, then the key password.
    """
    from harness.operating import tried
    from harness.private_files import read_data

    data = tried(read_data, file)
    passwords = _two_of_three(authorization_file)
    secret = password("Key password", password_file)
    told = ask("bluescale.import_key", data=data, password=secret, passwords=passwords)
    how = "was imported" if told["new"] else "was there already"
    click.echo(f"the key {told['moniker']} {how}")


def _two_of_three(files: tuple[Path, ...]) -> list[Secret]:
    """In multi-user mode two encryption passwords, else none."""
    if ask("bluescale.status")["user_mode"] != MULTI:
        return []
    return _several("Encryption password", files, 2)


@bluescale.command(call="bluescale.delete")
@click.argument("moniker")
@click.option("--confirm", metavar="MONIKER", help="The moniker once more (default: asked for).")
def delete(moniker: str, confirm: str | None) -> None:
    """Delete a key that no partition has."""
    from harness.operating import confirmed

    typed = confirmed("Moniker of the key to delete") if confirm is None else confirm
    ask("bluescale.delete", moniker=moniker, typed=typed)


# --- tracking --------------------------------------------------------------------------------


@bluescale.command(call="bluescale.tracking bluescale.report")
@JSON
def tracking(as_json: bool) -> None:
    """Tell of each key its copies, cartridges and plans."""
    if as_json:
        show(ask("bluescale.tracking"), as_json)
    else:
        click.echo(ask("bluescale.report"), nl=False)


@bluescale.group(cls=Operating)
def copy() -> None:
    """Keep the record of the copies of exported keys."""


@copy.command("add", call="bluescale.add_copy")
@click.argument("moniker")
@click.argument("location")
def add_copy(moniker: str, location: str) -> None:
    """Note that one more copy is kept at LOCATION."""
    click.echo(f"copy {ask('bluescale.add_copy', moniker=moniker, location=location)}")


@copy.command("move", call="bluescale.move_copy")
@click.argument("moniker")
@click.argument("number", type=int)
@click.argument("location")
def move_copy(moniker: str, number: int, location: str) -> None:
    """Note that copy NUMBER is kept at LOCATION now."""
    ask("bluescale.move_copy", moniker=moniker, number=number, location=location)


@copy.command("remove", call="bluescale.remove_copy")
@click.argument("moniker")
@click.argument("number", type=int)
def remove_copy(moniker: str, number: int) -> None:
    """Note that copy NUMBER was destroyed."""
    ask("bluescale.remove_copy", moniker=moniker, number=number)


@bluescale.command(call="bluescale.plan")
@click.argument("moniker")
@click.option("--expires", metavar="YYYY-MM-DD", help="Planned expiration (default: none).")
@click.option("--shares", type=int, default=0, help="How many parts it is kept in (default: 0).")
def plan(moniker: str, expires: str | None, shares: int) -> None:
    """Note what is planned for a key."""
    ask("bluescale.plan", moniker=moniker, expires=expires, shares=shares)


@bluescale.command(call="messages")
@click.option("--since", type=int, metavar="NUMBER", help="Only those with a higher number.")
@JSON
def messages(since: int | None, as_json: bool) -> None:
    """List messages, as keyreel library messages does."""
    show_messages(ask("messages", since=since), as_json)
