"""Bytes to lines: paths, archives, compression, damage, wrappers, copies."""
