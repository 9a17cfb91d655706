"""From stored rows to figures, tables, verdicts, a page and a notebook: reads rows, never trains, never times."""
