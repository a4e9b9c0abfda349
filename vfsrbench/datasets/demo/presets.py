"""The demo clips: who is in them, and how they move. Data alone."""

from __future__ import annotations

from dataclasses import dataclass

from vfsrbench.datasets.demo.motion import Motion, Wave


@dataclass(frozen=True)
class DemoClip:
    """A demo clip: a person of `portrait.PEOPLE` in a motion."""

    person: str
    motion: Motion


MOTIONS: dict[str, Motion] = {
    "calm": Motion(
        shift_x=Wave(2.5, (0.23, 0.61), (0.1, 0.4)),
        shift_y=Wave(1.8, (0.31, 0.53), (0.6, 0.2)),
        roll=Wave(0.012, (0.19, 0.47), (0.0, 0.3)),
        zoom=Wave(0.008, (0.17, 0.37), (0.2, 0.7)),
        yaw=Wave(5.0, (0.29, 0.67), (0.0, 0.1)),
        pitch=Wave(3.0, (0.37, 0.83), (0.4, 0.0)),
        jaw=Wave(0.0, (1.0,), (0.0,)),
        brows=Wave(1.0, (0.41,), (0.2,)),
        light=Wave(0.015, (0.13, 0.43), (0.0, 0.5)),
        side=Wave(0.02, (0.21,), (0.3,)),
        blinks=(0.55, 3.1),
    ),
    "talking": Motion(
        shift_x=Wave(5.0, (0.41, 0.97), (0.3, 0.1)),
        shift_y=Wave(4.0, (0.59, 1.31), (0.0, 0.6)),
        roll=Wave(0.03, (0.37, 0.89), (0.5, 0.1)),
        zoom=Wave(0.015, (0.29, 0.71), (0.0, 0.4)),
        yaw=Wave(9.0, (0.53, 1.13), (0.2, 0.7)),
        pitch=Wave(8.0, (0.67, 1.57), (0.1, 0.3)),
        jaw=Wave(9.0, (2.3, 3.7), (0.9, 0.2), offset=4.5),
        brows=Wave(4.0, (0.73, 1.19), (0.0, 0.3)),
        light=Wave(0.03, (0.33, 0.77), (0.2, 0.0)),
        side=Wave(0.05, (0.49,), (0.1,)),
        blinks=(0.30, 1.9),
    ),
    "fast": Motion(
        shift_x=Wave(16.0, (0.83, 1.61), (0.1, 0.8)),
        shift_y=Wave(9.0, (1.07, 1.93), (0.4, 0.0)),
        roll=Wave(0.10, (0.71, 1.49), (0.0, 0.6)),
        zoom=Wave(0.04, (0.57, 1.27), (0.3, 0.0)),
        yaw=Wave(22.0, (0.91, 1.79), (0.7, 0.2)),
        pitch=Wave(12.0, (1.03, 2.11), (0.0, 0.5)),
        jaw=Wave(7.0, (1.7, 2.9), (0.3, 0.0), offset=2.0),
        brows=Wave(5.0, (0.97, 1.67), (0.5, 0.1)),
        light=Wave(0.07, (0.61, 1.37), (0.0, 0.2)),
        side=Wave(0.12, (0.79,), (0.6,)),
        blinks=(0.42, 1.3),
    ),
}

DEMO_CLIPS = {
    "demo-calm": DemoClip("astronaut", MOTIONS["calm"]),
    "demo-talking": DemoClip("astronaut", MOTIONS["talking"]),
    "demo-fast": DemoClip("astronaut", MOTIONS["fast"]),
    "hopper-talking": DemoClip("hopper", MOTIONS["talking"]),
    "hopper-fast": DemoClip("hopper", MOTIONS["fast"]),
}
