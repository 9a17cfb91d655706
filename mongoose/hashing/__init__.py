"""Hash families, one file each."""
