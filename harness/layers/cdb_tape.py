"""CDBs of sequential-access devices (SSC-4, its 16-byte explicit forms too). By name they are in
`harness.layers.cdb`."""

from __future__ import annotations

from harness.layers.cdb_any import Cdb, cdb


class Rewind(Cdb):
    """REWIND (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x01, "-:7 immed -:24")


class FormatMedium(Cdb):
    """FORMAT MEDIUM (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x04, "-:6 verify immed -:4 format:4 transfer_length:16")


class ReadBlockLimits(Cdb):
    """READ BLOCK LIMITS (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x05, "-:7 mloi -:24")


class Read6(Cdb):
    """READ(6) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x08, "-:6 sili fixed transfer_length:24")


class Write6(Cdb):
    """WRITE(6) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x0A, "-:7 fixed transfer_length:24")


class SetCapacity(Cdb):
    """SET CAPACITY (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x0B, "-:7 immed -:8 capacity_proportion_value:16")


class ReadReverse6(Cdb):
    """READ REVERSE(6) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x0F, "-:5 bytord sili fixed transfer_length:24")


class WriteFilemarks6(Cdb):
    """WRITE FILEMARKS(6) (SSC-4; WSMK of SSC-2)."""

    device = "tape"
    fields_desc = cdb(0x10, "-:6 wsmk immed filemark_count:24")


class Space6(Cdb):
    """SPACE(6) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x11, "-:4 code:4 count:24i")


class Verify6(Cdb):
    """VERIFY(6) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x13, "-:2 vte vlbpm vbf immed bytcmp fixed verification_length:24")


class RecoverBufferedData(Cdb):
    """RECOVER BUFFERED DATA (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x14, "-:6 sili fixed transfer_length:24")


class Erase6(Cdb):
    """ERASE(6) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x19, "-:5 smd immed long -:24")


class LoadUnload(Cdb):
    """LOAD UNLOAD (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x1B, "-:7 immed -:16 -:4 hold eot reten load")


class PreventAllowMediumRemoval(Cdb):
    """PREVENT ALLOW MEDIUM REMOVAL (SSC-4, SMC-3)."""

    fields_desc = cdb(0x1E, "-:24 -:6 prevent:2")


class Locate10(Cdb):
    """LOCATE(10) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x2B, "-:5 bt cp immed -:8 logical_object_identifier:32 -:8 partition:8")


class ReadPosition(Cdb):
    """READ POSITION (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x34, "-:40 allocation_length:16", 0)


class ReportDensitySupport(Cdb):
    """REPORT DENSITY SUPPORT (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x44, "-:6 medium_type media -:40 allocation_length:16")


class WriteFilemarks16(Cdb):
    """WRITE FILEMARKS(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x80,
        "-:4 fcs lcs - immed -:8 partition:8 logical_object_identifier:64 filemark_count:24",
    )


class ReadReverse16(Cdb):
    """READ REVERSE(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x81,
        "-:5 bytord sili fixed -:8 partition:8 logical_object_identifier:64 transfer_length:24",
    )


class AllowOverwrite(Cdb):
    """ALLOW OVERWRITE (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x82, "-:8 -:4 allow_overwrite:4 partition:8 logical_object_identifier:64 -:24"
    )


class Read16(Cdb):
    """READ(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x88, "-:6 sili fixed -:8 partition:8 logical_object_identifier:64 transfer_length:24"
    )


class Write16(Cdb):
    """WRITE(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x8A,
        "-:4 fcs lcs - fixed -:8 partition:8 logical_object_identifier:64 transfer_length:24",
    )


class Verify16(Cdb):
    """VERIFY(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x8F,
        "-:2 vte vlbpm vbf immed bytcmp fixed -:8 partition:8 logical_object_identifier:64"
        " verification_length:24",
    )


class Space16(Cdb):
    """SPACE(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(0x91, "-:4 code:4 -:16 count:64i parameter_length:16 -:8")


class Locate16(Cdb):
    """LOCATE(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x92, "-:3 dest_type:2 - cp immed -:7 bam partition:8 logical_identifier:64 -:24"
    )


class Erase16(Cdb):
    """ERASE(16) (SSC-4)."""

    device = "tape"
    fields_desc = cdb(
        0x93, "-:4 fcs lcs immed long -:8 partition:8 logical_object_identifier:64 -:24"
    )
