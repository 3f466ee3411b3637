"""The bus: port, sequencer, journal, transports. The only package that knows ZeroMQ."""
