"""Losses of learned hashing, and the mining of triplets: kernels against their compositions in torch."""

import pytest
import torch
from torch import Generator, Tensor

from cuda_kernels.launch import launch
from mongoose.hashing.losses import BitTriplet, Contrastive

SIZES = [0, 1, 31, 32, 33, 127, 1000]
DTYPES = [torch.float32, torch.float64]
L, SCALE = 3, 0.7


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("pairs", "bits"), [*((m, 9) for m in SIZES), (9, 1), (9, 16)])
def test_the_triplet_loss_and_its_gradients(device: torch.device, pairs: int, bits: int, dtype: torch.dtype) -> None:
    given = {
        name: normal(pairs, L, bits, seed=seed).to(dtype)
        for seed, name in enumerate(("anchor", "positive", "other", "negative"))
    }
    leaves = [t.clone().requires_grad_() for t in given.values()]
    expected = BitTriplet(scale=SCALE, margin=0.05)(*leaves)
    on_device = {name: t.flatten(1).to(device) for name, t in given.items()}
    gradients = {f"of_{name}": torch.empty_like(t) for name, t in on_device.items()}
    losses = torch.empty(pairs, dtype=dtype, device=device)
    launch("bit_triplet", **on_device, **gradients, losses=losses, scale=SCALE, margin=0.05)
    torch.testing.assert_close(losses.mean().cpu(), expected.detach(), equal_nan=True)  # of no pairs: NaN
    for found, wanted in zip(gradients.values(), torch.autograd.grad(expected, leaves), strict=True):
        torch.testing.assert_close(found.cpu(), wanted.flatten(1))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("pairs", "rows", "bits"),
    [*((m, 5, 9) for m in SIZES), *((5, c, 9) for c in (1, 31, 32, 33, 64)), (5, 6, 1), (5, 6, 33)],
)
def test_the_contrastive_loss_and_its_gradients(
    device: torch.device, pairs: int, rows: int, bits: int, dtype: torch.dtype
) -> None:
    anchor, positive, others = (
        normal(n, L, bits, seed=seed).to(dtype).requires_grad_() for seed, n in enumerate((pairs, pairs, rows))
    )
    expected = Contrastive(scale=SCALE, sharpness=1.3, contrasts=rows)(anchor, positive, anchor, others)
    given = {"anchor": anchor, "positive": positive, "rows": others}
    on_device = {name: t.detach().to(device) for name, t in given.items()}
    gradients = {f"of_{name}": torch.empty_like(t) for name, t in on_device.items()}
    of_rows = gradients.pop("of_rows")
    losses, weights = on_device["anchor"].new_empty(pairs, L), on_device["anchor"].new_empty(L, pairs, rows)
    constants = {"scale": SCALE, "sharpness": 1.3}
    launch("contrastive", **on_device, **gradients, losses=losses, weights=weights, **constants)
    del on_device["positive"]
    launch("contrastive_rows", **on_device, weights=weights, of_rows=of_rows, **constants)
    torch.testing.assert_close(losses.mean().cpu(), expected.detach(), equal_nan=True)  # of no pairs: NaN
    wanted = torch.autograd.grad(expected, (anchor, positive, others))
    torch.testing.assert_close([t.cpu() for t in (*gradients.values(), of_rows)], list(wanted))


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("above", [False, True], ids=["below", "above"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("pairs", SIZES)
def test_mined_pairs_are_those_of_the_comparison(
    device: torch.device, pairs: int, dtype: torch.dtype, above: bool, biased: bool
) -> None:
    generator = Generator().manual_seed(pairs)
    x, weight, bias, limit = (  # whole numbers, so that scores are exact and often tie with a limit
        torch.randint(-2, 3, shape, generator=generator).to(dtype) for shape in ((9, 33), (37, 33), (37,), (9,))
    )
    samples, ids = (torch.randint(0, n, (pairs,), generator=generator) for n in (9, 37))
    scores = (x[samples] * weight[ids]).sum(1) + (bias[ids] if biased else 0)
    wanted = scores > limit[samples] if above else scores < limit[samples]

    x, weight, bias, limit, samples, ids = (t.to(device) for t in (x, weight, bias, limit, samples, ids))
    chosen = torch.empty(pairs, dtype=torch.int32, device=device)
    launch(
        "choose_pairs",
        x=x,
        weight=weight,
        bias=bias if biased else None,
        samples=samples,
        ids=ids,
        limit=limit,
        chosen=chosen,
        Above=above,
    )
    assert torch.equal(chosen.cpu().bool(), wanted)
    before = chosen.cumsum(0)
    found = torch.empty(2, int(before[-1]) if pairs else 0, dtype=torch.int64, device=device)
    launch(
        "gather_pairs",
        chosen=chosen,
        before=before,
        samples=samples,
        ids=ids,
        chosen_samples=found[0],
        chosen_ids=found[1],
    )
    assert torch.equal(found.cpu(), torch.stack([samples.cpu()[wanted], ids.cpu()[wanted]]))
