"""Sequential feature encoding: how features of past frames enrich the current one (section II-C3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines.secnet.blocks import ConvLSTM
from degradations.errors import did_you_mean

STRATEGIES = ("none", "oneway", "cascaded", "fused")
State = tuple[Tensor, Tensor]


class SequentialEncoding(nn.Module):
    """Features of the current frame and what is kept of the past -> the enriched feature.

    `oneway` (Algorithm 1) carries a ConvLSTM's state over the whole clip. `cascaded` (Algorithm 2) and
    `fused` (Algorithm 3) keep the features of the last `past` frames: a backward pass from the current
    frame into the past, then a forward pass over its hidden states, `fused` with the features beside them.
    """

    def __init__(self, channels: int, strategy: str, past: int) -> None:
        super().__init__()
        if strategy not in STRATEGIES:
            raise did_you_mean("strategy of sequential encoding", strategy, STRATEGIES)
        self.strategy = strategy
        self.past = past
        if strategy == "oneway":
            self.cell = ConvLSTM(channels, channels)
        elif strategy != "none":
            self.backward_cell = ConvLSTM(channels, channels)
            self.forward_cell = ConvLSTM(channels * (2 if strategy == "fused" else 1), channels)

    def forward(
        self, feature: Tensor, kept: list[Tensor], state: State | None
    ) -> tuple[Tensor, list[Tensor], State | None]:
        """`kept`: features of past frames, latest last; `state`: the one-way cell's. -> (enriched feature,
        what to keep, the new state)."""
        if self.strategy == "none":
            return feature, [], None
        if self.strategy == "oneway":
            state = self.cell(feature, state)
            return state[0], [], state
        sequence = [*kept, feature]
        kept = sequence[-self.past :] if self.past else []
        return self._both_ways(sequence), kept, None

    def _both_ways(self, sequence: list[Tensor]) -> Tensor:
        """Oldest first. The backward pass runs from the current frame into the past."""
        hidden: list[Tensor] = []
        state: State | None = None
        for feature in reversed(sequence):
            state = self.backward_cell(feature, state)
            hidden.append(state[0])
        state = None
        for feature, behind in zip(sequence, reversed(hidden), strict=True):
            given = torch.cat([behind, feature], dim=1) if self.strategy == "fused" else behind
            state = self.forward_cell(given, state)
        assert state is not None
        return state[0]
