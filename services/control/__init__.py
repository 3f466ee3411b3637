"""The program `regimeflow`: small commands over the log, the journal, the configuration and the supervisor. Decides nothing about trading."""
