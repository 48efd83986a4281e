"""Celery tasks: ids in, one work function each."""
