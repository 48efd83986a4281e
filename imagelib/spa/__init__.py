"""What the front end of docker-gpu-manage asks of the system itself: login, menu, its own settings, its own files."""
