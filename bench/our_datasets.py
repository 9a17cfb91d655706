"""Import this before anything of `datasets`: it refuses Hugging Face's package of that name, with a way out."""

from types import ModuleType

import datasets


def require_ours(package: ModuleType) -> None:
    """Raise ImportError unless `package` is the checkout's own `datasets`."""
    if getattr(package, "__mongoose__", False) is not True:
        where = getattr(package, "__file__", None)
        raise ImportError(
            f"`import datasets` found {where}, which is not the checkout's `datasets` "
            "(Hugging Face has a package of that name). "
            "Run from the root of the checkout: `python -m bench …` there puts ours first."
        )


require_ours(datasets)
