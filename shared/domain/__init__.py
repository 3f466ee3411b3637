"""Trading facts and arithmetic, pure: instruments, positions, books, exposure, calendars, the order machine. No I/O, no clock."""
