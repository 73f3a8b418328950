"""`toolbridge user`, `client` and `sign-in`: who may sign in at a deployment, and what signs their tokens."""
