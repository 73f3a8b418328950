"""The pages of the sign-in: made here, without script, and complete in themselves."""
