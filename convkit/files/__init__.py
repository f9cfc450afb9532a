"""From bytes to lines: paths, archives, compression, damage, wrappers, copies."""
