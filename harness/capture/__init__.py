"""From a drive's answers to a model's file: `keyreel personality capture`."""
