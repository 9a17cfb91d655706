"""How often two rows share a code, for families that know."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn.functional import normalize


class CollisionLaw(ABC):
    """A family whose collisions are known beforehand. Whether exactly or nearly, its docstring says."""

    @abstractmethod
    def collision_probability(self, a: Tensor, b: Tensor) -> Tensor:
        """Probability that two rows share a code in one table, over all that the family could have drawn.

        Args:
            a, b: [N, D] rows as they are hashed, less the centre if there is one; row i of a goes with row i of b.

        Returns:
            [N] float64.
        """


class AngularLaw(CollisionLaw):
    """Collisions by the angle between the rows alone."""

    @abstractmethod
    def at_angle(self, angle: Tensor) -> Tensor:
        """Probability that rows at these angles, [N] radians in [0, π], share a code in one table: [N] float64."""

    def collision_probability(self, a: Tensor, b: Tensor) -> Tensor:
        return self.at_angle(angle_between(a, b))


def angle_between(a: Tensor, b: Tensor) -> Tensor:
    """[N, D], [N, D] → [N] float64 radians; exactly 0 for equal rows, which an arccosine of a cosine is not.

    Source: Kahan 2006, How Futile are Mindless Assessments of Roundoff in Floating-Point Computation?
    """
    a, b = normalize(a.double()), normalize(b.double())
    return 2 * torch.atan2((a - b).norm(dim=1), (a + b).norm(dim=1))
