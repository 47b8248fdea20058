"""The user interface: nothing in this package imports kubernetes or aiohttp."""
