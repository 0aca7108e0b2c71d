"""The keyreel command's own answers, without a guest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from harness import cli, doctor


def keyreel(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )


def test_help_documents_the_exit_statuses() -> None:
    done = keyreel("run", "--help")
    assert done.returncode == 0
    assert "125" in done.stdout


def test_a_full_disk_is_one_sentence() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "harness", "fault", "defects"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
    assert done.returncode != 0
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("group", [(), ("library", "user")])
def test_a_group_alone_shows_its_help(
    group: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["keyreel", *group])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("Usage: keyreel ")


def test_help_is_quick_because_it_imports_little() -> None:
    code = "import sys, harness.cli; print({'pydantic', 'rich', 'pyudev'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_version() -> None:
    done = keyreel("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("keyreel")


@pytest.mark.parametrize(
    "arguments", [("run",), ("run", "no-such.toml"), ("walk",), ("run", "--fast", "a.toml")]
)
def test_a_user_s_mistake_is_one_sentence_and_status_2(arguments: tuple[str, ...]) -> None:
    done = keyreel(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("keyreel: ")
    assert done.stderr.count("\n") == 1


MISTAKES = (
    ("run --trace {folder}/none/t fixtures/rigs/one-lto9.toml -- true", "make the folder"),
    ("serve --trace {folder}/none/t fixtures/rigs/one-lto9.toml", "make the folder"),
    ("run {folder} -- true", "is a directory"),
    ("run {file} -- true", "is not valid TOML"),
    ("cartridge verify {folder} --key-file {folder}", "the key cannot be read (Is a directory)"),
    ("cartridge show {folder}", "is not a cartridge"),
    ("conform /dev/null --timeout 0", "--timeout"),
    ("conform a b", "write one TARGET (see keyreel conform --help)"),
    ("report {file}", "is no trace"),
    ("report {folder}", "run the rig with --trace"),
    ("trace show {folder}", "Is a directory"),
    ("trace export {file}", "Missing option '-o' / '--output' (see"),
    ("rig units", "--state DIR"),
    ("fault list", "--state DIR"),
    ("personality show nobody/none", "keyreel personality list"),
)


@pytest.mark.parametrize(("line", "words"), MISTAKES)
def test_wrong_use_is_told_with_a_cure(
    line: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.delenv("KEYREEL_CONTROL", raising=False)
    file = tmp_path / "file"
    file.write_text("[neither TOML nor a trace\n")
    arguments = line.format(folder=tmp_path, file=file).split()
    monkeypatch.setattr(sys, "argv", ["keyreel", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    said = capsys.readouterr()
    assert end.value.code == 2
    assert said.err.startswith("keyreel: ")
    assert words.lower() in said.err.lower()
    assert said.err.count("\n") == 1
    assert said.out == ""


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for word, below in command.commands.items():
            yield from commands(below, f"{name} {word}")


def test_every_command_and_option_is_told_in_help() -> None:
    for name, command in commands(cli.keyreel, "keyreel"):
        context = click.Context(command, info_name=name, terminal_width=80)
        lines = command.get_help(context).splitlines()
        assert not [line for line in lines if line.endswith("...") and "Usage" not in line], name
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, (name, option.name)


def test_doctor_says_how_to_get_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(doctor, "SYSTEM_PATH", "")
    assert doctor.show() == 1
    printed = capsys.readouterr().out
    for package in ("user-mode-linux", "kmod", "mt-st", "sg3-utils", "stenc", "lsscsi"):
        assert f"apt install {package}" in printed


def test_the_demo_names_the_tools_that_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(doctor, "SYSTEM_PATH", "")
    monkeypatch.setattr(sys, "argv", ["keyreel", "demo"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 125
    assert "apt install mt-st mtx sg3-utils stenc lsscsi tar" in capsys.readouterr().err
