"""keyreel library: what operators do at the panel of a library that is running."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

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


@click.group(cls=Operating)
def library() -> None:
    """Operate a tape library of a rig that runs.

    Log in first; the session holds for the commands that follow, until 15 minutes have passed
    without one. Places are written slot:17, mail:1, drive:1.
    """


@library.command(call="login", epilog=PASSWORDS)
@click.argument("user", default="su")
@password_file()
def login(user: str, password_file: Path | None) -> None:
    """Log in as USER (su if none; its password is blank at first)."""
    from harness import operating

    name = operating.login(user, password(f"Password of {user}", password_file))
    click.echo(f"{user} has logged in to {name}")


@library.command(call="logout")
def logout() -> None:
    """End the session."""
    from harness import operating

    operating.logout()


# --- looking ---------------------------------------------------------------------------------


@library.command(call="status")
@JSON
def status(as_json: bool) -> None:
    """Tell about the library and its drives."""
    told = ask("status")
    if as_json:
        show(told, as_json)
        return
    drives = told.pop("drives")
    show(told, as_json)
    click.echo()
    titles = {"name": "drive", "model": "model", "serial": "serial", "partition": "partition"}
    show(drives, as_json, **titles, barcode="cartridge", loaded="loaded")


@library.command(call="partitions")
@JSON
def partitions(as_json: bool) -> None:
    """List the partitions."""
    show(ask("partitions"), as_json)


@library.command(call="inventory")
@click.argument("partition", required=False)
@click.option("--empty", is_flag=True, help="Empty places, too.")
@JSON
def inventory(partition: str | None, empty: bool, as_json: bool) -> None:
    """List what is where, in the whole library or in PARTITION."""
    show(ask("inventory", partition=partition, empty=empty), as_json)


@library.command(call="messages")
@click.option("--since", type=int, metavar="NUMBER", help="Only those with a higher number.")
@JSON
def messages(since: int | None, as_json: bool) -> None:
    """List messages: what happened, why, and what to do."""
    show_messages(ask("messages", since=since), as_json)


def show_messages(told: list[dict[str, Any]], as_json: bool) -> None:
    """Messages with cause and cure, each on lines of its own."""
    if as_json:
        show(told, as_json)
        return
    from harness.operating import moment

    for one in told:
        times = (
            f" ({one['count']} times, last at {moment(one['last'])})" if one["count"] > 1 else ""
        )
        origin = f"{one['origin']}: " if one["origin"] else ""
        severity = "" if one["severity"] == "information" else f"{one['severity']}: "
        click.echo(
            f"{one['number']}  {moment(one['time'])}  {severity}{origin}{one['text']}{times}"
        )
        for what in ("cause", "cure"):
            if one[what]:
                click.echo(f"     {what}: {one[what]}")


# --- cartridges ------------------------------------------------------------------------------


def _moved(moved: dict[str, str]) -> None:
    source, destination = (moved[end] or "outside" for end in ("source", "destination"))
    click.echo(f"{moved['barcode']}: {source} -> {destination}")


@library.command(call="move")
@click.argument("source")
@click.argument("destination")
def move(source: str, destination: str) -> None:
    """Move a cartridge.

    SOURCE is a barcode, a place or a drive's name; DESTINATION a place, a drive's name, "home" (the
    slot that it was last taken from) or a partition's name (its first empty slot).
    """
    _moved(ask("move", source=source, destination=destination))


@library.command(call="insert")
@click.argument("barcode")
@click.argument("mail_slot", required=False)
def insert(barcode: str, mail_slot: str | None) -> None:
    """Put a cartridge from outside into a mail slot.

    It is one of the rig that is nowhere in the library. MAIL_SLOT: the first empty one if none is
    named.
    """
    _moved(ask("insert", barcode=barcode, mail_slot=mail_slot))


@library.command(call="remove")
@click.argument("source")
def remove(source: str) -> None:
    """Take a cartridge out of a mail slot.

    SOURCE is its barcode, or the mail slot.
    """
    _moved(ask("remove", source=source))


@library.group(cls=Operating)
def door() -> None:
    """Open and close the library's door."""


@door.command("open", call="open_door")
def open_door() -> None:
    """Open it: the robot stops, the changers are not ready."""
    ask("open_door")


@door.command("close", call="close_door")
def close_door() -> None:
    """Close it: the library looks what is where."""
    ask("close_door")


# --- drives and power ------------------------------------------------------------------------


@library.group(cls=Operating)
def drive() -> None:
    """Reset drives, switch them off and on."""


@drive.command("reset", call="reset_drive")
@click.argument("drive")
def reset_drive(drive: str) -> None:
    """Reset DRIVE."""
    ask("reset_drive", drive=drive)


@drive.command("power-cycle", call="power_cycle_drive")
@click.argument("drive")
def power_cycle_drive(drive: str) -> None:
    """Switch DRIVE off and on while the library runs."""
    ask("power_cycle_drive", drive=drive)


@library.command("power-cycle", call="power_cycle")
def power_cycle() -> None:
    """Switch the whole library off and on."""
    ask("power_cycle")


# --- partitions and encryption ---------------------------------------------------------------


@library.group(cls=Operating)
def partition() -> None:
    """Make, change and delete partitions."""


@partition.command("set", call="set_partition")
@click.argument("name")
@click.option("--drives", metavar="NAMES", help="Names of its drives, with commas between.")
@click.option("--slots", type=int, metavar="N", help="How many storage slots it has.")
@click.option("--mail-slots", type=int, metavar="N", help="How many mail slots it has.")
def set_partition(name: str, drives: str | None, slots: int | None, mail_slots: int | None) -> None:
    """Make the partition NAME, or change it.

    What is not said stays as it is. Hosts see a new one after the rig's next start.
    """
    names = None if drives is None else [one for one in drives.split(",") if one]
    show(ask("set_partition", name=name, drives=names, slots=slots, mail_slots=mail_slots), False)


@partition.command("delete", call="delete_partition")
@click.argument("name")
def delete_partition(name: str) -> None:
    """Delete the partition NAME, which has to be empty."""
    ask("delete_partition", name=name)


@library.command(call="methods")
@JSON
def methods(as_json: bool) -> None:
    """List the encryption methods that partitions can have."""
    show(ask("methods"), as_json)


@library.command(call="set_encryption")
@click.argument("partition")
@click.argument("method")
def encryption(partition: str, method: str) -> None:
    """Give PARTITION the encryption METHOD.

    METHOD is disabled, bluescale, or a key source of the rig.
    """
    show(ask("set_encryption", partition=partition, method=method), False)


# --- users, options, backup ------------------------------------------------------------------


@library.command(call="users")
@JSON
def users(as_json: bool) -> None:
    """List the users."""
    show(ask("users"), as_json)


@library.group(cls=Operating)
def user() -> None:
    """Add, change and remove users."""


@user.command("add", call="add_user", epilog=PASSWORDS)
@click.argument("name")
@click.option("--role", required=True, help="operator, administrator or superuser.")
@password_file()
def add_user(name: str, role: str, password_file: Path | None) -> None:
    """Add the user NAME."""
    secret = password(f"New password of {name}", password_file, new=True)
    ask("add_user", name=name, role=role, password=secret)


@user.command("remove", call="remove_user")
@click.argument("name")
def remove_user(name: str) -> None:
    """Remove the user NAME."""
    ask("remove_user", name=name)


@user.command("role", call="set_role")
@click.argument("name")
@click.argument("role")
def set_role(name: str, role: str) -> None:
    """Make the user NAME an operator, an administrator or a superuser."""
    ask("set_role", name=name, role=role)


@user.command("password", call="set_password", epilog=PASSWORDS)
@click.argument("name")
@password_file()
def set_password(name: str, password_file: Path | None) -> None:
    """Set the password of any user."""
    secret = password(f"New password of {name}", password_file, new=True)
    ask("set_password", name=name, password=secret)


@library.command("password", call="change_password", epilog=PASSWORDS)
@password_file("old", "Read the password that you have from FILE.")
@password_file("new", "Read the new one from FILE.")
def change_password(old_file: Path | None, new_file: Path | None) -> None:
    """Change your own password. Standard input: the old one, then the new one."""
    old = password("Old password", old_file)
    ask("change_password", old=old, new=password("New password", new_file, new=True))


@library.command(call="options")
@JSON
def options(as_json: bool) -> None:
    """List the options of the library, enabled or not."""
    show(ask("options"), as_json)


@library.group(cls=Operating)
def option() -> None:
    """Enable options."""


@option.command("add", call="add_option")
@click.argument("key")
def add_option(key: str) -> None:
    """Enable what the option key KEY enables."""
    show(ask("add_option", key=key), False)


@option.command("issue", call="status")
@click.argument("name")
def issue_option(name: str) -> None:
    """Print the option key for option NAME, as a vendor does.

    It is for this library alone.
    """
    from target.library.errors import OperatorError
    from target.library.options import issue

    try:
        click.echo(issue(name, ask("status")["serial"]))
    except OperatorError as error:
        raise click.ClickException(str(error)) from None


@library.command(call="backup", epilog=PASSWORDS)
@click.argument("file", type=FILE)
@password_file()
def backup(file: Path, password_file: Path | None) -> None:
    """Write configuration and keys to a new FILE, encrypted."""
    from harness.operating import tried
    from harness.private_files import require_absent, write_new

    tried(require_absent, file)
    secret = password("Password for the backup", password_file, new=True)
    tried(write_new, file, ask("backup", password=secret))


@library.command(call="restore", epilog=PASSWORDS)
@click.argument("file", type=FILE)
@password_file()
def restore(file: Path, password_file: Path | None) -> None:
    """Put configuration and keys back as the backup FILE has them."""
    from harness.operating import tried
    from harness.private_files import read_data

    data = tried(read_data, file)
    ask("restore", data=data, password=password("Password of the backup", password_file))
