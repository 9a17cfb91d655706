"""The arithmetic, one op a file: a contract and its definition in plain torch (backend `reference`)."""
