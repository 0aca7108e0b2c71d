"""The keyreel command. Each command imports what it needs when it runs, so that help is fast."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from harness.bluescale_cli import bluescale
from harness.faults_cli import fault
from harness.keys_cli import keys
from harness.library_cli import library
from harness.rig_cli import rig
from harness.trace.cli import trace

USAGE_ERROR = 2
FAILED = 125


def _show_version(context: click.Context) -> None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        click.echo(f"keyreel {version('keyreel')}")
    except PackageNotFoundError:
        click.echo("keyreel, not installed: run from its source")
    context.exit()


FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _, wanted: _show_version(context) if wanted else None,
    help="Show the version and exit.",
)
def keyreel() -> None:
    """Virtual encrypting tape drives behind a real Linux kernel."""


TRACE = click.option(
    "--trace",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what the rig's units are asked and answer into FILE, see keyreel trace.",
)


@keyreel.command()
@click.argument("rig", type=click.Path(path_type=Path))
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep cartridges and drive state in DIR (default: a new folder, removed at the end).",
)
@click.option("--guest", type=click.Choice(["uml", "qemu", "host"]), help="Instead of the rig's.")
@TRACE
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def run(
    rig: Path, state: Path | None, guest: str | None, trace: Path | None, command: tuple[str, ...]
) -> None:
    """Start the rig of file RIG and run COMMAND in it.

    Without COMMAND it is an interactive shell. Write -- before COMMAND. It runs in this folder,
    sees this machine's files, and finds drive0 by KEYREEL_DRIVE0_TAPE, KEYREEL_DRIVE0_SG (device
    nodes) and KEYREEL_DRIVE0_SERIAL.

    \b
    Exit status:
      COMMAND's own; 128 + N when signal N ended it
      2    the command line or the rig file is wrong
      125  keyreel itself failed
      126  COMMAND cannot be executed
      127  COMMAND was not found
    """
    from harness.commands import run_rig

    sys.exit(run_rig(rig, state, guest, command, trace=trace))


@keyreel.command()
@click.argument("rig", type=click.Path(path_type=Path))
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep cartridges and drive state in DIR (default: a new folder, removed at the end).",
)
@TRACE
def serve(rig: Path, state: Path | None, trace: Path | None) -> None:
    """Serve the rig of file RIG on this machine, without a guest.

    It ends with Ctrl-C or SIGTERM. Its drives are within reach by the transports that the rig
    names. A terminal shows their status; elsewhere a line says what happens. A second signal ends
    at once, which loses what no host has had made durable.

    \b
    Exit status:
      0    stopped when it was asked to
      2    the command line or the rig file is wrong
      125  the rig could not be served, or not everything became durable
    """
    from harness.serving import serve_rig

    sys.exit(serve_rig(rig, state, trace=trace))


@keyreel.command()
def doctor() -> None:
    """Say what is missing on this machine, and how to get it.

    Exit status 1 when something that is required is missing.
    """
    from harness.doctor import show

    sys.exit(show())


@keyreel.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, complete.")
def devices(as_json: bool) -> None:
    """List the tape drives and medium changers of this kernel.

    For each host the nodes of the drivers st, ch and sg, and udev's links. In a rig's guest:
    keyreel run RIG -- keyreel devices.
    """
    from harness.devices import show

    sys.exit(show(as_json))


@keyreel.group()
def cartridge() -> None:
    """Make cartridges, and look into them without a drive."""


FOLDER = click.argument("folder", type=click.Path(path_type=Path))


@cartridge.command()
@FOLDER
@click.option("--barcode", required=True, help="8 characters; the last two are the media id (L9).")
@click.option("--capacity", metavar="SIZE", help="Such as 64MiB (default: its format's).")
@click.option("--write-protect", is_flag=True, help="With the tab set.")
def create(folder: Path, barcode: str, capacity: str | None, write_protect: bool) -> None:
    """Make a blank cartridge in FOLDER, which must not exist."""
    from harness import cartridges

    sys.exit(cartridges.create(folder, barcode, capacity, write_protect))


@cartridge.command()
@FOLDER
def show(folder: Path) -> None:
    """Say which cartridge FOLDER is and what is written on it."""
    from harness import cartridges

    sys.exit(cartridges.show(folder))


@cartridge.command()
@FOLDER
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="Authenticate encrypted blocks with this key (64 hexadecimal digits).",
)
def verify(folder: Path, key_file: Path | None) -> None:
    """Check every block on the cartridge. Nothing is changed.

    Exit status 1 when something is damaged.
    """
    from harness import cartridges

    sys.exit(cartridges.verify(folder, key_file))


@keyreel.group()
def personality() -> None:
    """List the models, show what a drive answers, capture one."""


JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, complete.")


@personality.command("list")
@JSON
def list_models(as_json: bool) -> None:
    """List the drive models: INQUIRY data, formats, encryption."""
    from harness import personalities

    sys.exit(personalities.list_models(as_json))


@personality.command("libraries")
@JSON
def list_libraries(as_json: bool) -> None:
    """List the library models: INQUIRY data, first addresses."""
    from harness import personalities

    sys.exit(personalities.list_libraries(as_json))


@personality.command("capture")
@click.argument("target")
@click.option("--base", metavar="MODEL", help="The model to begin with (default: the nearest).")
def capture_model(target: str, base: str | None) -> None:
    """Print a model that answers as the drive at TARGET does. Nothing there is changed.

    TARGET is /dev/sg0, iscsi://host/iqn... or RIG.toml:drive0. Write it into a file, which the
    model of a [[drive]] may name.
    """
    from harness.capture.capturing import capture

    sys.exit(capture(target, base))


@personality.command("show")
@click.argument("model")
@JSON
def show_model(model: str, as_json: bool) -> None:
    """Tell what a drive of MODEL answers, by asking one.

    Commands and timeouts, pages with their values, cartridges, encryption, reservations, time.
    Exit status 2 when there is no such model.
    """
    from harness import personalities

    sys.exit(personalities.show(model, as_json))


keyreel.add_command(library)
keyreel.add_command(bluescale)
keyreel.add_command(keys)
keyreel.add_command(trace)
keyreel.add_command(fault)
keyreel.add_command(rig)


@keyreel.command("build-handler")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    default=".",
    help="Folder for handler_keyreel.so (default: this one).",
)
def build_handler(output: Path) -> None:
    """Compile the handler that tcmu-runner needs for keyreel.

    Its path is printed. Needs a C compiler: cc, or what the environment variable CC names. Exit
    status 125 when it cannot be built.
    """
    from harness import handler

    try:
        click.echo(handler.build_handler(output))
    except handler.HandlerError as error:
        say(str(error))
        sys.exit(FAILED)


@keyreel.command()
@click.argument("story", type=click.Choice(["encryption", "bluescale"]), default="encryption")
def demo(story: str) -> None:
    """Play a story with real tools, and show their real output.

    encryption, the default: a tape that is written, and read with and without its key. bluescale: a
    library of two partitions that manages the keys of its drives.

    Exit status 1 when a step did not show what it should.
    """
    from harness.demo import player

    sys.exit(player.play(player.find(story)))


@keyreel.command()
@click.argument("target", nargs=-1)
@click.option("--scratch", is_flag=True, help="The volume in the device may be overwritten.")
@click.option("--junit", "junit", type=FILE, metavar="FILE", help="Write JUnit XML.")
@click.option("--json", "json", type=FILE, metavar="FILE", help="Write everything as JSON.")
@click.option("--html", "html", type=FILE, metavar="FILE", help="Write a page to read.")
@click.option("--topic", "topics", multiple=True, metavar="TEXT", help="Topics with TEXT only.")
@click.option(
    "--check", "ids", multiple=True, metavar="ID", help="That check only; * for any text."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="For one command (default: as long as it may take).",
)
@click.option("--shuffle", "seed", type=int, metavar="SEED", help="Another order of the checks.")
@click.option("--list", "listing", is_flag=True, help="List the checks and run none.")
@click.option("--diff", is_flag=True, help="Compare two TARGETs, or two files that --json wrote.")
def conform(
    target: tuple[str, ...], scratch: bool, listing: bool, diff: bool, **options: Any
) -> None:
    """Check a tape drive or medium changer against the standards.

    TARGET is /dev/sg0, iscsi://host:port/iqn..., RIG.toml or RIG.toml:drive0. Nothing on the tape
    and no lasting setting is changed unless --scratch is given.

    \b
    Exit status:
      0    no check failed (with --diff: each ended alike)
      1    checks failed (with --diff: some ended otherwise)
      2    the command line is wrong
      125  the checks could not be run, or not all of them
    """
    if not listing and len(target) != 1 + diff:
        raise click.UsageError("write two TARGETs" if diff else "write one TARGET")
    try:
        from harness.conform import command
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("scapy"):
            raise
        say("scapy is not installed: pip install 'keyreel[scapy]'")
        sys.exit(FAILED)

    chosen = command.Options(scratch=scratch, **options)
    if listing:
        sys.exit(command.list_checks(chosen))
    sys.exit(command.compare(target, chosen) if diff else command.conform(target[0], chosen))


@keyreel.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=FILE,
    default="report.html",
    metavar="FILE",
    help="Write the page there (default: report.html).",
)
def report(run: Path, output: Path) -> None:
    """Write a page about a run that was traced.

    RUN is a trace, or a state folder with one. The page shows when what was asked of which unit,
    where the tape was, throughput, errors, keys, faults and messages.
    """
    from harness.report.command import report

    sys.exit(report(run, output))


def main() -> None:
    """Entry point: errors are one sentence on standard error."""
    try:
        status = keyreel.main(prog_name="keyreel", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(USAGE_ERROR)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "keyreel"
        say(f"{error.format_message().rstrip('.')} (see {path} --help)")
        sys.exit(USAGE_ERROR)
    except click.ClickException as error:
        say(error.format_message())
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except OSError as error:
        # What no command expects: standard output on a full disk, for one.
        say(f"{error.filename or 'output'}: {error.strerror or error}")
        sys.exit(FAILED)
    sys.exit(status if isinstance(status, int) else 0)


def say(text: str) -> None:
    """One message of keyreel's own."""
    print(f"keyreel: {text}", file=sys.stderr)
