"""`toolbridge tenant rotate-secret`: a new secret, added, switched to, and the old one retired."""
