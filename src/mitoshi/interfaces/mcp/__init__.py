"""The Model Context Protocol: methods as tools, bundles as resources, over stdio and streamable HTTP.

Tools are made from the declared methods; what they may be given is checked by `mitoshi.workflows.requests`, what they start is a
job like any other, and what they answer carries value, unit, uncertainty and the id of the bundle.
"""
