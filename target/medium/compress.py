"""Optional compression of a block before it is encrypted: off, lz4 or zstd.

A block that does not get smaller is stored as it is; the entry's flags say which. The libraries
are loaded when a cartridge first needs them.
"""

from __future__ import annotations

from target.medium.errors import BlockDamaged
from target.medium.index import LZ4, ZSTD

_FLAGS = {"lz4": LZ4, "zstd": ZSTD}
METHODS = ("off", *_FLAGS)


def used(flags: int) -> bool:
    """Whether a stored block is compressed."""
    return bool(flags & (LZ4 | ZSTD))


def pack(data: memoryview, method: str) -> tuple[memoryview, int]:
    """(what to store, the entry flag that says how)."""
    if method == "off":
        return data, 0
    if method == "lz4":
        import lz4.block

        small = lz4.block.compress(data, store_size=False)
    else:
        import zstandard

        small = zstandard.ZstdCompressor(level=1).compress(data)
    return (memoryview(small), _FLAGS[method]) if len(small) < len(data) else (data, 0)


def unpack(data: memoryview, flags: int, length: int) -> memoryview | bytes:
    """The block again, ``length`` bytes. Raises BlockDamaged."""
    if not used(flags):
        return data
    try:
        if flags & LZ4:
            import lz4.block

            clear: bytes = lz4.block.decompress(data, uncompressed_size=length)
        else:
            import zstandard

            clear = zstandard.ZstdDecompressor().decompress(data, max_output_size=length)
    except Exception as error:
        # Each library has its own exception types; any of them means the same here.
        raise BlockDamaged("a compressed block does not decompress") from error
    if len(clear) != length:
        raise BlockDamaged("a compressed block has the wrong length")
    return clear
