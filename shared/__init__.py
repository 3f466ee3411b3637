"""The library all services use; never imports `services`."""
