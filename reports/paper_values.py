"""The published numbers that are known, each with its source and how it was come by."""

from pathlib import Path

import pandas as pd

FILE = Path(__file__).with_suffix(".csv")


def paper_values() -> pd.DataFrame:
    """Columns quantity, value, unit, source, tag.

    Tags: `paper text` was read in the text itself, `secondary` in somebody's public notes, `code` in released code.
    """
    return pd.read_csv(FILE, dtype=str, keep_default_na=False)


def paper_value(quantity: str) -> float:
    """One published number; KeyError names a quantity that the file lacks."""
    known = paper_values().set_index("quantity")["value"]
    return float(known[quantity])
