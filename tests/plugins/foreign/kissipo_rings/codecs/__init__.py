"""Parts of the plug-in for tests."""
