"""CHAP: vectors, both directions over the wire, and credentials files."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.initiators.iscsi import Chap, IscsiInitiator, LoginRefused
from keymgr.secret import Secret
from target.transports.iscsi import chap
from target.transports.iscsi.chap import AuthenticationFailed, Credentials
from tests.iscsi.conftest import TARGET, Serve, Serving

SECRET, TARGET_SECRET = "a secret of ours", "the target's secret"
FILE = f"""
[initiators]
host = "{SECRET}"
other = "another secret!"

[target]
name = "keyreel"
secret = "{TARGET_SECRET}"
"""


def credentials_file(folder: Path, text: str = FILE, mode: int = 0o600) -> Path:
    path = folder / "credentials.toml"
    path.touch(0o600)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


@pytest.fixture
def secured(serve: Serve, tmp_path: Path) -> Serving:
    """A server that wants CHAP."""
    return serve(credentials=str(credentials_file(tmp_path)))


@pytest.mark.parametrize(
    ("algorithm", "answer"),
    [
        (5, "c7145ea507a9f67b85d43ab2ac5476f6"),
        (7, "3aa1f66502493fd43876216656f818bb1e814ff9f51d82a5ccc6535862357bb2"),
    ],
)
def test_answers_are_hashes_of_identifier_secret_and_challenge(algorithm: int, answer: str) -> None:
    # From md5sum and sha256sum of 27h, the secret and 00h to 0Fh.
    assert chap.response(algorithm, 0x27, Secret(b"secret-of-12"), bytes(range(16))).hex() == answer


@pytest.mark.parametrize("algorithms", ["5", "7", "5,7", "9,8,7", "7,5"])
@pytest.mark.parametrize("mutual", [False, True])
def test_a_login(secured: Serving, algorithms: str, mutual: bool) -> None:
    who = Chap("host", SECRET, algorithms=algorithms)
    if mutual:
        who = who._replace(target_name="keyreel", target_secret=TARGET_SECRET)
    with IscsiInitiator(secured.address, TARGET, chap=who) as one:
        assert one.send(bytes(6)).status == 2
    with IscsiInitiator(secured.address, None, chap=who) as one:
        assert list(one.targets()) == [TARGET]


@pytest.mark.parametrize(
    "who",
    [
        Chap("host", "another secret!"),
        Chap("nobody", SECRET),
        Chap("", ""),
        Chap("host", SECRET, algorithms="6,8"),
        None,
    ],
    ids=["secret", "name", "empty", "algorithm", "none"],
)
@pytest.mark.parametrize("target", [TARGET, None], ids=["normal", "discovery"])
def test_a_login_that_fails(secured: Serving, who: Chap | None, target: str | None) -> None:
    with pytest.raises(LoginRefused) as refused:
        IscsiInitiator(secured.address, target, chap=who)
    assert refused.value.status == 0x0201


def test_a_target_with_another_secret_is_found_out(secured: Serving) -> None:
    with pytest.raises(PermissionError):
        IscsiInitiator(
            secured.address, TARGET, chap=Chap("host", SECRET, "keyreel", "not the secret")
        )


def test_mutual_chap_needs_a_name_of_the_target(serve: Serve, tmp_path: Path) -> None:
    text = FILE.partition("[target]")[0]
    secured = serve(credentials=str(credentials_file(tmp_path, text)))
    with pytest.raises(LoginRefused) as refused:
        IscsiInitiator(secured.address, TARGET, chap=Chap("host", SECRET, "keyreel", TARGET_SECRET))
    assert refused.value.status == 0x0201


class Raw(IscsiInitiator):
    """One that does not log in by itself."""

    def _log_in(self) -> None:
        self.asked = self.login_step(
            0, None, {"InitiatorName": self.name, "TargetName": TARGET, "AuthMethod": "CHAP"}
        )


def answer(one: Raw, **more: str) -> dict[str, str]:
    """The second half of a login as it should be, with more keys."""
    asked = one.login_step(0, None, {"CHAP_A": "7"})
    challenge = chap.decode_binary(asked["CHAP_C"])
    right = chap.response(7, int(asked["CHAP_I"]), Secret(SECRET.encode()), challenge)
    more = {key: value.replace("OURS", asked["CHAP_C"]) for key, value in more.items()}
    offers = {"CHAP_N": "host", "CHAP_R": chap.encode_binary(right), **more}
    return one.login_step(0, 1, offers)


def test_our_own_challenge_is_not_answered(secured: Serving) -> None:
    with pytest.raises(LoginRefused) as refused:
        answer(Raw(secured.address, TARGET), CHAP_I="1", CHAP_C="OURS")
    assert refused.value.status == 0x0201


@pytest.mark.parametrize(
    "more",
    [
        {"CHAP_I": "1"},
        {"CHAP_C": "0x00"},
        {"CHAP_I": "256", "CHAP_C": "0x00"},
        {"CHAP_I": "x", "CHAP_C": "0x00"},
        {"CHAP_I": "1", "CHAP_C": "0x"},
        {"CHAP_I": "1", "CHAP_C": "00"},
        {"CHAP_R": "0x00"},
        {"CHAP_R": "hello"},
        {"CHAP_R": ""},
    ],
)
def test_malformed_answers(secured: Serving, more: dict[str, str]) -> None:
    with pytest.raises(LoginRefused) as refused:
        answer(Raw(secured.address, TARGET), **more)
    assert refused.value.status == 0x0201


def test_challenges_in_base64(secured: Serving) -> None:
    said = answer(Raw(secured.address, TARGET), CHAP_I="1", CHAP_C="0bAQIDBA==")
    ours = chap.response(7, 1, Secret(TARGET_SECRET.encode()), bytes((1, 2, 3, 4)))
    assert said == {"CHAP_N": "keyreel", "CHAP_R": chap.encode_binary(ours)}


def test_authentication_cannot_be_left_out(secured: Serving) -> None:
    one = Raw(secured.address, TARGET)
    with pytest.raises(LoginRefused) as refused:
        one.login_step(0, 1, {})
    assert refused.value.status == 0x0201
    one = Raw(secured.address, TARGET)
    with pytest.raises(LoginRefused) as refused:
        one.login_step(1, 3, {})
    assert refused.value.status == 0x020B


def test_what_follows_the_authentication_is_not_authentication(secured: Serving) -> None:
    one = Raw(secured.address, TARGET)
    with pytest.raises(LoginRefused):
        one.login_step(0, None, {"CHAP_N": "host", "CHAP_R": "0x00"})


# --- credentials files -----------------------------------------------------------------------


def test_secrets_show_nowhere(tmp_path: Path) -> None:
    credentials = Credentials.load(credentials_file(tmp_path))
    shown = repr(credentials) + repr(vars(credentials)) + repr(credentials.target)
    assert SECRET not in shown and TARGET_SECRET not in shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "[initiators]"),
        ("[initiators]\n", "[initiators]"),
        (FILE + "[more]\n", "[initiators]"),
        ("[initiators]\nhost = 'short'\n", "12 or more characters"),
        ("[initiators]\nhost = 123456789012\n", "12 or more characters"),
        (FILE.replace(TARGET_SECRET, SECRET), "one of its own"),
        (FILE.replace("name =", "title ="), "name and secret"),
        ("[initiators\nhost = 'a secret of ours'", "not valid TOML"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, told: str) -> None:
    path = credentials_file(tmp_path, text)
    with pytest.raises(OSError) as error:
        Credentials.load(path)
    assert told in str(error.value)
    assert str(path) in str(error.value)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = credentials_file(tmp_path, mode=mode)
    with pytest.raises(OSError, match=f"chmod 600 {path}"):
        Credentials.load(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        OSError, match=r"nowhere.toml: the credentials cannot be read \(No such file"
    ):
        Credentials.load(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("text", ["0x1", "0x123", "0b!!", "12", "0xzz"])
def test_binary_values(text: str) -> None:
    if text in ("0x1", "0x123"):
        assert chap.decode_binary(text) == bytes.fromhex(text[2:].rjust(len(text) - 1, "0"))
        return
    with pytest.raises(AuthenticationFailed):
        chap.decode_binary(text)


def test_challenges_are_not_used_again(secured: Serving) -> None:
    seen = {
        Raw(secured.address, TARGET).login_step(0, None, {"CHAP_A": "7"})["CHAP_C"]
        for _ in range(4)
    }
    assert len(seen) == 4
    assert all(len(chap.decode_binary(one)) == chap.CHALLENGE for one in seen)
