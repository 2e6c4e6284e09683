"""The built-in plugins; installed as ``pixeldream_plugins``."""
