"""Synthetic data of the shape of real sets: how labels, their kin and their words are drawn."""
