"""The cartridge: what is on the medium and how it survives. No SCSI in here."""
