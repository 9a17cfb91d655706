"""The configuration of one run; every default is written once."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Scale = Literal["smoke", "quick", "paper"]
Backend = Literal["reference", "cpu", "emulated", "cuda"]


class RunConfig(BaseModel):
    """One method on one data set with one seed and a budget of training; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: str
    scale: Scale
    method: str
    dataset: str
    variant: str = Field(default="", pattern=r"^[a-z0-9_^.]*$")  # what to call a departure from the defaults
    seed: int = Field(ge=0)
    params: dict[str, Any] = {}  # of the method's own configuration
    seconds: float = Field(gt=0)  # on the clock; a run that counts steps is expected to take about so long
    steps: int | None = Field(default=None, ge=1)  # the budget, if not of seconds: the same result on any machine
    batch_size: int = Field(default=256, ge=1)  # SLIDE §4.1, Amazon-670K
    hidden: int = Field(default=128, ge=1)  # SLIDE §4.1
    evaluations: int = Field(default=10, ge=1)
    curve_points: int = Field(default=4096, ge=1)  # validation and test points of each evaluation
    threads: int = Field(default=2, ge=1)
    final_points: int | None = Field(default=None, ge=1)  # at most, of the test part, that are scored; None: all
    final: bool = True  # whether the test part is scored; if not, the run does not even hold it
    backend: Backend = "cpu"  # of the ops; the command line decides what "auto" is, before any clock starts

    @property
    def name(self) -> str:
        """The name under which rows are compared."""
        return f"{self.method}-{self.variant}" if self.variant else self.method
