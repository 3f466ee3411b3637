"""The reconciler: a second, independent look at the broker, compared with what the log says. It books nothing and repairs nothing."""
