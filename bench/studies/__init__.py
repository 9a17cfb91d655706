"""Studies: measurements on made-up data that need no training; what they return is plain numbers."""
