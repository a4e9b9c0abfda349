"""PGTFormer: video face restoration of unaligned faces, guided by face parsing."""
