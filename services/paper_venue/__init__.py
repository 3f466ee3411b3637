"""The embedded paper broker: a matching core as a process of its own, with its own ledger, reached over a link like any broker."""
