"""Debian's archive as a source of data: its indices by the machine's own apt, without touching apt's state."""
