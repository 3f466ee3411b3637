"""The bus service: the sequencer process and its read-only catch-up process."""
