"""The ways in. A transport finds buffers and nexuses; it knows no SCSI semantics."""
