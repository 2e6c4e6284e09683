"""The retro room: what machines can show. Never imports the neural room, the plugin door or the command line."""
