"""Every operation: its kernel and its derivative rules side by side, one stanza each."""
