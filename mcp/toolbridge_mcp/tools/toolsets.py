"""The sets of tools that a client can choose."""

CRUD = "crud"
"""Every operation on every entity."""

WORK = "work"
"""What everyday work needs, in few calls: small enough for clients that take few tools."""

CHATGPT = "chatgpt"
"""The two tools that ChatGPT's connectors look for."""

TOOLSETS = (WORK, CRUD, CHATGPT)
