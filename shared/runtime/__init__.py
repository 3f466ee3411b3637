"""Actor contract and the drivers that run actors: process, single, simulated; health, recovery, sessions."""
