"""One file a figure: its module-level `figure` is found by `reports.figures.base.discover`."""
