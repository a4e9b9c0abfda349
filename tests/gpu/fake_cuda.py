"""A CUDA device that is not there: networks run on it in shape only, and every wait of the host is noted.

Tensors on `cuda:0` are PyTorch's fake ones, which know device, type and shape but no numbers; tensors on the
CPU are real. A number that comes back from the device is made up (see `_made_up`).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
)
from torch.nn.modules import module as modules
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves

ROOT = Path(__file__).parents[2]
CODE = ("baselines", "vfsrbench", "degradations")
CUDA = torch.device("cuda:0")
MEMORY = 24 << 30
FAKE = FakeTensorMode(allow_non_fake_inputs=True)
"""One for all tests of a process: constants stay on the device between calls, and modes do not mix."""
FACTORIES = ("arange", "linspace", "zeros", "ones", "empty", "full", "rand", "randn", "randint", "eye")
INITIALIZERS = (
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "trunc_normal_",
    "uniform_",
    "xavier_uniform_",
)
EXACT = (torch.float32, torch.float64)
WAIT_INSIDE = (
    "_linalg_check_errors",
    "_linalg_eigh",
    "_linalg_svd",
    "histc",
    "linalg_eig",
    "linalg_pinv",
    "multinomial",
)
"""Operations that ask the device for a number themselves: whether they succeeded, how large a value is."""


class Event(NamedTuple):
    """What went wrong or was counted, the operation, the line of ours that asked for it, and whether that
    was inside a network's forward pass."""

    kind: str
    what: str
    place: str
    inside: bool


class Watch(TorchDispatchMode):
    """Runs operations with the CPU's tensors for real and others in shape, and notes events.

    wait: the host has to know a number, or copies some from the device. upload: the host copies numbers to
    the device and waits for that. queued: the same through pinned memory, without a wait. host tensor: one is
    made on the CPU inside a forward pass. half precision: positions in fewer than 32 bits. cast: a frozen
    parameter is rounded. three axes: attention that no fused kernel takes. hidden copy: a norm over groups or
    pictures of channels that lie last, which its kernel copies to the other order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.parameters: set[int] = set()
        self.pinned: list[Tensor] = []  # held, so that no other tensor gets their identity
        self.depth = 0

    def note(self, kind: str, what: object) -> None:
        self.events.append(Event(kind, str(what), _place(), self.depth > 0))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        inference = torch.is_inference_mode_enabled() or any(t.is_inference() for t in tensors)
        if inference and _is_composite(func):
            with self:  # operations arrive whole then, not in the parts that they are made of
                return func.decompose(*args, **kwargs)
        on_device = any(t.device.type == "cuda" for t in tensors)
        target = kwargs.get("device")
        name = func.overloadpacket.__name__
        if target is None and tensors:
            target = tensors[0].device
        to_device = target is not None and torch.device(target).type == "cuda"
        if not on_device and not to_device:
            if not tensors and name in FACTORIES and self.depth:
                self.note("host tensor", func)
            with _disable_current_modes():
                return func(*args, **kwargs)
        if any(g.device.type == "cpu" for g in tree_leaves((args, kwargs)) if isinstance(g, torch.Generator)):
            raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")  # as torch does
        if name in WAIT_INSIDE:
            self.note("wait", func)
        if name == "_to_copy" and not on_device:
            pinned = any(args[0] is one for one in self.pinned)
            self.note("queued" if pinned and kwargs.get("non_blocking") else "upload", func)
        special = getattr(self, f"_{name.strip('_')}", None)
        if special is not None:
            return special(func, args, kwargs)
        positions = name in ("grid_sampler_2d", "cudnn_grid_sampler", "deform_conv2d")
        if positions and any(t.is_floating_point() and t.dtype not in EXACT for t in tensors):
            self.note("half precision", func)
        try:
            return func(*args, **kwargs)
        except (DataDependentOutputException, DynamicOutputShapeException):
            raise RuntimeError(
                f"{func} waits for numbers of the device, and nobody knows which here"
            ) from None

    def _to_copy(self, func: Any, args: Any, kwargs: Any) -> Any:
        given, target = args[0], kwargs.get("device")
        if given.device.type == "cuda" and target is not None and torch.device(target).type == "cpu":
            self.note("wait", func)
            return _made_up(given.shape, kwargs.get("dtype") or given.dtype)
        if storage_of(given) in self.parameters and kwargs.get("dtype") not in (None, given.dtype):
            self.note("cast", func)
        return func(*args, **kwargs)

    def _copy(self, func: Any, args: Any, kwargs: Any) -> Any:
        to, source = args[:2]
        if to.device.type == "cpu":
            self.note("wait", func)
            return to
        if source.device.type == "cpu":
            self.note("upload", func)
        return func(*args, **kwargs)

    def _local_scalar_dense(self, func: Any, args: Any, kwargs: Any) -> Any:
        self.note("wait", func)
        return False if args[0].dtype == torch.bool else args[0].new_empty(()).dtype.is_floating_point * 0.0

    def _equal(self, func: Any, args: Any, kwargs: Any) -> bool:
        self.note("wait", func)
        return True

    def _nonzero(self, func: Any, args: Any, kwargs: Any) -> Any:
        self.note("wait", func)
        return args[0].new_empty((args[0].numel(), args[0].ndim), dtype=torch.int64)

    def _masked_select(self, func: Any, args: Any, kwargs: Any) -> Any:
        self.note("wait", func)
        return args[0].new_empty(args[1].numel())

    def _allclose(self, func: Any, args: Any, kwargs: Any) -> bool:
        self.note("wait", func)
        return True

    def _bincount(self, func: Any, args: Any, kwargs: Any) -> Any:
        self.note("wait", func)
        return args[0].new_empty(max(1, kwargs.get("minlength", 0)), dtype=torch.int64)

    def _repeat_interleave(self, func: Any, args: Any, kwargs: Any) -> Any:
        if kwargs.get("output_size") is not None:
            return func(*args, **kwargs)
        self.note("wait", func)
        return args[0].new_empty(args[0].numel(), dtype=args[0].dtype)

    def _unique2(self, func: Any, args: Any, kwargs: Any) -> Any:
        self.note("wait", func)
        numbers = [args[0].new_empty(shape, dtype=torch.int64) for shape in (args[0].shape, args[0].numel())]
        return args[0].new_empty(args[0].numel()), *numbers

    _unique_consecutive = _unique2

    def _convolution(self, func: Any, args: Any, kwargs: Any) -> Any:
        """cuDNN gives channels last where the input or the filters have them so."""
        out = func(*args, **kwargs)
        last = torch.channels_last
        orders = [
            not t.is_contiguous() and t.is_contiguous(memory_format=last) for t in args[:2] if t.ndim == 4
        ]
        return out.contiguous(memory_format=last) if any(orders) else out

    def _nms(self, func: Any, args: Any, kwargs: Any) -> Any:
        self.note("wait", func)
        return args[0].new_empty(len(args[0]), dtype=torch.int64)

    def _index(self, func: Any, args: Any, kwargs: Any) -> Any:
        return func(args[0], self._numbered(args[1], func), *args[2:], **kwargs)

    def _index_put(self, func: Any, args: Any, kwargs: Any) -> Any:
        return func(args[0], self._numbered(args[1], func), *args[2:], **kwargs)

    def _numbered(self, indices: Any, func: Any) -> list[Any]:
        """Masks among indices become numbers, which the host has to count; numbers of the CPU go up."""
        found: list[Any] = []
        for index in indices:
            if index is not None and index.dtype in (torch.bool, torch.uint8):
                self.note("wait", func)
                found += [torch.empty(index.numel(), dtype=torch.int64, device=CUDA)] * index.ndim
            elif index is not None and index.device.type == "cpu":
                self.note("upload", func)
                found.append(torch.empty(index.shape, dtype=index.dtype, device=CUDA))
            else:
                found.append(index)
        return found


class _Whole(TorchFunctionMode):
    """Sees functions before they are taken apart: norms whose input lies in another order than their kernels
    take, and attention, which is done in shape, as how torch would compute it depends on the real device."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in ("group_norm", "instance_norm"):
            x = args[0] if args else kwargs["input"]
            if x.device.type == "cuda" and x.ndim == 4 and not x.is_contiguous():
                self.watch.note("hidden copy", f"{func.__name__} of {tuple(x.shape)}, strides {x.stride()}")
        if func is not F.scaled_dot_product_attention:
            return func(*args, **kwargs)
        given = dict(zip(("query", "key", "value", "attn_mask"), args, strict=False)) | kwargs
        tensors = [t for t in given.values() if isinstance(t, Tensor)]
        if any(t.ndim != 4 for t in tensors):
            self.watch.note("three axes", [tuple(t.shape) for t in tensors])
        if any(t.device != CUDA for t in tensors):
            raise RuntimeError(f"attention over several devices: {[str(t.device) for t in tensors]}")
        query, value = given["query"], given["value"]
        dtype = torch.bfloat16 if torch.is_autocast_enabled("cuda") else query.dtype
        return query.new_empty((*query.shape[:-1], value.shape[-1]), dtype=dtype)


@contextmanager
def building(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Networks that are made and moved inside take neither time nor memory."""
    patch.setattr(nn.Module, "_apply", _apply)
    for layer in (nn.Linear, nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm, nn.GroupNorm):
        patch.setattr(layer, "reset_parameters", lambda self: None)
    for name in INITIALIZERS:
        patch.setattr(nn.init, name, lambda tensor, *_, **__: tensor)
    patch.setattr(Tensor, "pin_memory", lambda self: self)
    with pytest.MonkeyPatch.context() as loading, FAKE, torch.no_grad():
        # of a file's numbers, which are not there; what runs later has its waits counted
        loading.setattr(torch, "equal", lambda one, other: one.shape == other.shape)
        yield


@contextmanager
def watched(patch: pytest.MonkeyPatch, *networks: nn.Module) -> Iterator[Watch]:
    """What runs inside is noted. networks: whose parameters are frozen."""
    watch = Watch()
    watch.parameters = {storage_of(p) for net in networks for p in net.parameters()}

    def pin(tensor: Tensor) -> Tensor:
        watch.pinned.append(tensor)
        return tensor

    def enter(*_: object) -> None:
        watch.depth += 1

    def leave(*_: object) -> None:
        watch.depth -= 1

    patch.setattr(Tensor, "pin_memory", pin)
    # fast: autocast turns itself off where there is no GPU
    patch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    patch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)
    for name in ("synchronize", "empty_cache"):
        patch.setattr(torch.cuda, name, lambda *_, name=name: watch.note("wait", f"torch.cuda.{name}"))
    patch.setattr(torch.cuda, "mem_get_info", lambda *_: (MEMORY, MEMORY))
    patch.setattr(torch.cuda, "get_device_properties", lambda *_: SimpleNamespace(total_memory=MEMORY))
    with ExitStack() as stack:
        hooks = modules.register_module_forward_pre_hook(enter)
        stack.callback(hooks.remove)
        hooks = modules.register_module_forward_hook(leave, always_call=True)
        stack.callback(hooks.remove)
        stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        for mode in (torch.no_grad(), FAKE, watch, _Whole(watch)):
            stack.enter_context(mode)
        yield watch


def counted(events: list[Event]) -> dict[str, int]:
    """How many events there were of each kind."""
    return dict(Counter(event.kind for event in events))


def listed(events: list[Event], kinds: tuple[str, ...]) -> str:
    """The lines where events of these kinds happened, most frequent first."""
    found = Counter((event.kind, event.place, event.what) for event in events if event.kind in kinds)
    return "\n".join(f"  {n} x {kind} at {place} ({what})" for (kind, place, what), n in found.most_common())


def _apply(self: nn.Module, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """nn.Module._apply for fake tensors, whose data cannot be swapped."""
    for part in self.modules() if recurse else [self]:
        for name, parameter in part._parameters.items():
            if parameter is not None:
                moved = fn(parameter)
                if moved is not parameter:
                    part._parameters[name] = nn.Parameter(moved, requires_grad=False)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = fn(buffer)
    return self


def _made_up(shape: Any, dtype: torch.dtype) -> Tensor:
    """Numbers that code on the host can go on with: 0 to 1, or grey levels; so that faces are found."""
    with _disable_current_modes():
        generator = torch.Generator().manual_seed(0)
        values = torch.rand(tuple(shape), generator=generator)
        return (values * 255).to(dtype) if dtype == torch.uint8 else values.to(dtype)


def _is_composite(func: Any) -> bool:
    key = "CompositeImplicitAutograd"
    known: bool = func.namespace != "prim" and torch._C._dispatch_has_kernel_for_dispatch_key(
        func.name(), key
    )
    return known


def storage_of(tensor: Tensor) -> int:
    """What a tensor's numbers lie in, which a part of it shares."""
    found: int = tensor.untyped_storage()._cdata
    return found


def _place() -> str:
    frame = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in CODE:
            return f"{path.relative_to(ROOT)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return "elsewhere"
