"""GMFlow: optical flow by global matching."""

from baselines.layers.flow.gmflow.network import GMFlow

__all__ = ["GMFlow"]
