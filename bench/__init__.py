"""Run the suite: methods, experiments, measurement and the command line (`python -m bench`)."""
