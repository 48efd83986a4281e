"""WSGI entry point, for servers other than `manage.py serve` (event streams then need `imagelib.asgi`)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagelib.settings")
application = get_wsgi_application()
