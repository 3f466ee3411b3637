"""The strategy runner: user code as actors on the log, each contained: seeded, watched, restarted where it stood."""
