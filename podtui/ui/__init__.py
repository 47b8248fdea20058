"""The screen: nothing in this package imports kubernetes or aiohttp."""
