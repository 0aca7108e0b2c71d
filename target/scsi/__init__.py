"""What is true of any SCSI device: CDBs, sense data, pages, unit attentions, reservations."""
