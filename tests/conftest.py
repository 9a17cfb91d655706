"""Settings of the whole suite of tests."""

from hypothesis import settings

# The first call of an op imports and builds things, and the machine may be shared: no example has a deadline.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")
