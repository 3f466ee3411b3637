"""Performance statistics, pure: what a run did, and what it is worth."""
