# One image for web, workers and schedule. Build: docker build -t imagelib .
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 IMAGELIB_DEBUG=off IMAGELIB_DATA_DIR=/data IMAGELIB_HOST=0.0.0.0
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock
COPY manage.py ./
COPY core core
COPY imagelib imagelib
COPY nodes nodes
COPY pulls pulls
COPY appimages appimages
COPY instances instances
COPY builds builds
COPY templates templates
COPY static static
COPY locale locale
# The files are the same for every installation, so they are collected once, with throw-away keys.
RUN IMAGELIB_SECRET_KEY=build IMAGELIB_FIELD_KEYS=build python manage.py collectstatic --noinput \
    && useradd --system --uid 10001 --home /data imagelib \
    && chown -R imagelib /data
USER imagelib
VOLUME /data
EXPOSE 8000
CMD ["python", "manage.py", "serve"]
