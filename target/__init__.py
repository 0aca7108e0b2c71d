"""Virtual tape drives: SCSI device servers, the cartridges they write and the ways in."""
