"""`toolbridge tenant`: one tenant on Fly.io, from its first deployment to its end."""
