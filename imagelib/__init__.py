"""Root package (settings, URLs, servers) and the image-library domain: registry endpoints and usable images."""

from imagelib.celery import app as celery_app

__all__ = ["celery_app"]
