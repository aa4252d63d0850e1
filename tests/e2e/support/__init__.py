"""What the end-to-end tests share; conftest.py turns it into fixtures."""
