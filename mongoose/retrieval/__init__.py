"""Sources of candidates that are no hash tables: what LSH is compared with."""
