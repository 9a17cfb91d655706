"""Negative samplers, one file each: which classes a training step looks at."""
