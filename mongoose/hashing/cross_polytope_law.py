"""How often two rows share a cross-polytope code, by quadrature of the definition."""

import math

import torch
from torch import Tensor
from torch.special import ndtr, ndtri

NODES = 64  # a dimension; the law is then right to about 1e-7
TAIL = 1e-15  # probability left out at either end


def cross_polytope_collisions(angle: Tensor, num_directions: int) -> Tensor:
    """Probability that rows at these angles have one largest entry in [p; −p], p their projections on Gaussian columns.

    Projections on one column are two standard normals X, Y of correlation ρ = cos θ, and columns are independent.
    Rows collide where one of the P columns wins for both with the same sign, so that with
    G(x, y) = P(|X| < x, |Y| < y)

        collision = 2P ∫∫_{x, y > 0} φ_ρ(x, y) · G(x, y)^(P−1) dx dy.

    Substituting y = ρx + w·sin θ makes w a standard normal that is independent of x. Both integrals are taken by
    Gauss–Legendre quadrature, between quantiles of the largest |X| and of w.

    Args:
        angle: [N] radians in [0, π]. num_directions: P.

    Returns:
        [N] float64.

    Source: the definition (Reformer §2).
    """
    found = [_at(theta, num_directions) for theta in angle.tolist()]
    return torch.stack(found).clamp(0, 1).to(angle.device) if found else angle.double()


def _at(theta: float, num_directions: int) -> Tensor:
    rho, sine = math.cos(theta), math.sin(theta)
    low = ndtri((1 + torch.tensor(TAIL).double() ** (1 / num_directions)) / 2)
    high = -ndtri(torch.tensor(TAIL / 2 / num_directions).double())
    x, of_x = legendre(low, high)
    reach = -ndtri(torch.tensor(TAIL).double())
    w, of_w = legendre((-rho * x / max(sine, 1e-300)).clamp(-reach, reach), reach)  # [x, w]
    x = x.unsqueeze(1)
    y = (rho * x + sine * w).clamp_min(0)
    others = both_within(x, y, theta).clamp_min(0) ** (num_directions - 1)
    return 2 * num_directions * (of_x * _density(x.squeeze(1)) * (of_w * _density(w) * others).sum(1)).sum()


def both_within(x: Tensor, y: Tensor, theta: float) -> Tensor:
    """P(|X| < x, |Y| < y) for standard normals of correlation cos θ; x, y ≥ 0 of shapes that broadcast.

    Source: Plackett 1954: ∂P/∂ρ of a quadrant is the density at its corner, integrated here from independence on.
    """
    t, of_t = legendre(torch.zeros(()).double(), torch.tensor(math.pi / 2 - theta).double())
    x, y = x.unsqueeze(-1), y.unsqueeze(-1)
    squares, product = x.square() + y.square(), 2 * x * y * t.sin()
    spread = 2 * t.cos().square()
    corners = (of_t * ((product - squares) / spread).exp() - of_t * ((-product - squares) / spread).exp()).sum(-1)
    independent: Tensor = (2 * ndtr(x) - 1) * (2 * ndtr(y) - 1)
    return independent.squeeze(-1) + corners / math.pi


def legendre(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes and weights of Gauss–Legendre quadrature from `low` to `high`: each [..., 64], of limits [...].

    Source: Golub & Welsch 1969: nodes are the eigenvalues of the polynomials' three-term recurrence.
    """
    k = torch.arange(1, NODES, dtype=torch.float64)
    beside = k / (4 * k.square() - 1).sqrt()
    nodes, vectors = torch.linalg.eigh(torch.diag(beside, 1) + torch.diag(beside, -1))
    half = ((high - low) / 2).unsqueeze(-1)
    return low.unsqueeze(-1) + half * (nodes + 1), half * 2 * vectors[0].square()


def _density(x: Tensor) -> Tensor:
    return (-x.square() / 2).exp() / math.sqrt(2 * math.pi)
