"""Videos as frames: see `vfsrbench.io.video_reader` and `vfsrbench.io.video_writer`."""

from vfsrbench.io.video_reader import VideoSource
from vfsrbench.io.video_writer import Codec, write_video

__all__ = ["Codec", "VideoSource", "write_video"]
