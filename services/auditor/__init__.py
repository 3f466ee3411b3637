"""The auditor: folds everything, answers what the stack is doing, watches the invariants, writes the audit files. It decides nothing."""
