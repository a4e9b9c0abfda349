"""GMFlow: optical flow by global matching."""

from baselines.layers.gmflow.network import GMFlow

__all__ = ["GMFlow"]
