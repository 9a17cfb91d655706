"""Every law of the library holds on every backend."""

from collections.abc import Iterator

import pytest

from mongoose.ops.backend import using


@pytest.fixture(scope="module", params=["reference", "cpu"], autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with using(request.param) as name:
        yield name
