"""What others met when they let people sign in, each as a check of a running server."""
