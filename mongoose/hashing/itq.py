"""Iterative quantisation: principal directions turned until their signs lose least."""

import torch
from torch import Tensor

from mongoose.hashing.pca import PCAHash


class ITQ(PCAHash):
    """As PCAHash, each table's rotation improved by turns of sign and rotation, from a random start of its own.

    A later fit goes on from the rotations of the last one.

    Args:
        As PCAHash's.

    Source: Gong & Lazebnik 2011, §3 (there 50 iterations and one table).
    """

    iterations = 10  # a fit; the error falls little after that

    def turn(self, rows: Tensor) -> Tensor:
        projected = rows @ self.rotations  # [L, m, K]
        rotation = torch.eye(self.num_bits, device=rows.device).expand(self.num_tables, -1, -1)
        for _ in range(self.iterations):
            rotation = better_rotation(projected, rotation)
        self.rotations = self.rotations @ rotation
        return self.rotations


def better_rotation(projected: Tensor, rotation: Tensor) -> Tensor:
    """[L, K, K]: the rotation that brings rows nearest to the signs that they have under the present one.

    Args:
        projected: [L, m, K] rows of each table, before rotation. rotation: [L, K, K], the present one.
    """
    signs = torch.where(projected @ rotation > 0, 1.0, -1.0)
    u, _, v = torch.linalg.svd(signs.transpose(1, 2) @ projected)
    better: Tensor = v.transpose(1, 2) @ u.transpose(1, 2)
    return better


def quantisation_error(projected: Tensor, rotation: Tensor) -> Tensor:
    """[L] mean over rows of |sign(p) − p|², p: the projections [L, m, K], rotated by [L, K, K]."""
    turned = projected @ rotation
    return (torch.where(turned > 0, 1.0, -1.0) - turned).square().sum(2).mean(1)
