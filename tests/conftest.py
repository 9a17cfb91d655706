"""Settings of the whole suite of tests."""

import os
import tempfile

from hypothesis import settings

# Sets that the developer has built are not what is tested, and some take minutes to look through.
EMPTY = tempfile.TemporaryDirectory(prefix="mongoose-data-")
os.environ["MONGOOSE_DATA"] = EMPTY.name

# The first call of an op imports and builds things, and the machine may be shared: no example has a deadline.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")
