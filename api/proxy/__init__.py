"""The way to notebooks and tensorboards: through this server, with the permission of whoever asks."""
