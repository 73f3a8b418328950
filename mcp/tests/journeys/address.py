"""The environment variables that give the journeys an address. Nothing is imported before pytest runs."""

URL = "TOOLBRIDGE_TEST_URL"
TOKEN = "TOOLBRIDGE_TEST_TOKEN"
