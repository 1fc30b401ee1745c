"""What people look at: layers, legends, pictures, values at a place, terrain and buildings of a catalogue.

It lies between the workflows and the interfaces: the web service, the MCP server and notebooks show the same things, and none of
them needs another. Nothing here knows HTTP.
"""
