"""Signing in at this deployment (`TOOLBRIDGE_LOGIN=embedded`): OAuth and its pages. The API keeps and decides
everything."""
