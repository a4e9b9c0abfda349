"""How networks compute: exactly as published figures were made (strict), or as fast as the device can."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Literal, cast, get_args

from vfsrbench.errors import InputError
from vfsrbench.runtime.state.precision_switches import kept_precision, set_tf32

if TYPE_CHECKING:
    import torch
    from torch import nn

Profile = Literal["strict", "fast"]


def check_profile(profile: str) -> Profile:
    """The profile of that name; InputError if there is none."""
    if profile not in get_args(Profile):
        raise InputError(f"profile: must be {' or '.join(get_args(Profile))}, got {profile!r}")
    return cast(Profile, profile)


@contextmanager
def arithmetic(profile: Profile, device: torch.device) -> Iterator[None]:
    """torch's settings for the block; they are put back afterwards.

    strict: float32 without TF32, cuDNN's deterministic algorithms. fast: TF32, and bfloat16 where autocast
    allows it.
    """
    import torch

    fast = profile == "fast"
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    with kept_precision(), ExitStack() as stack:
        set_tf32(fast)
        cudnn.deterministic, cudnn.benchmark = not fast, False
        try:
            if fast:
                stack.enter_context(torch.autocast(device.type, torch.bfloat16))
            yield
        finally:
            cudnn.deterministic, cudnn.benchmark = before


def round_weights(network: nn.Module, exact: Collection[str] = ()) -> None:
    """Hold a frozen network's filters and matrices in bfloat16, for the profile `fast`.

    autocast rounds them with every call otherwise, and keeps nothing, as they need no gradient. The results
    are the same bits. Norms and embeddings stay as they are, and so do parameters of a network's own layers,
    but for those that a layer names (its attribute `products`), as it multiplies with them under autocast.

    Args:
        network: In evaluation mode. All its convolutions and linear layers but the `exact` ones must run
            under autocast.
        exact: Names of modules that run outside of it, wherever they stand in the network, beside those
            that the network names itself (its attribute `exact_layers`).
    """
    import torch
    from torch import nn

    kept = {*exact, *getattr(network, "exact_layers", ())}
    for name, layer in network.named_modules():
        if not kept.isdisjoint(name.split(".")):
            continue
        whole = isinstance(layer, nn.Linear | nn.PReLU | nn.modules.conv._ConvNd)
        for key, parameter in layer.named_parameters(recurse=False):
            if whole or key in getattr(layer, "products", ()):
                rounded = nn.Parameter(parameter.detach().to(torch.bfloat16), requires_grad=False)
                setattr(layer, key, rounded)
