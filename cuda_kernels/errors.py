"""What can go wrong with a launch."""


class KernelArgumentError(ValueError):
    """An argument does not fit its kernel; nothing has run. argument: its name."""

    def __init__(self, kernel: str, argument: str, complaint: str) -> None:
        super().__init__(f"kernel {kernel}, argument {argument}: {complaint}")
        self.argument = argument


class ManifestError(RuntimeError):
    """The manifest says other things of a kernel than its text."""


class DeviceError(RuntimeError):
    """A kernel cannot run here, or its run failed; says why."""
