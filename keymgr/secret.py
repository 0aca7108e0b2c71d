"""A key or a password in memory: one place, which can be overwritten."""

from __future__ import annotations


class Secret:
    """A key, kept in one place that can be overwritten; it never shows itself."""

    __slots__ = ("_bytes",)

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._bytes = bytearray(data)

    def __repr__(self) -> str:
        return "Secret()"

    def __len__(self) -> int:
        return len(self._bytes)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not written anywhere")

    def reveal(self) -> bytearray:
        """The key itself, not a copy: use it at once and keep it nowhere."""
        return self._bytes

    def wipe(self) -> None:
        """Overwrite the key."""
        self._bytes[:] = bytes(len(self._bytes))
