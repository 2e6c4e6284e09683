"""The embedded palettes; installed as ``pixeldream_palettes``."""
