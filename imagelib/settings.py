"""Settings: one flat file, every value read through `imagelib.env`, every default good for a laptop.

The README's configuration table lists the variables; production differs from development only by environment.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

import environ
from cryptography.fernet import Fernet
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from imagelib import env
from imagelib.schedule import SCHEDULE as CELERY_BEAT_SCHEDULE  # noqa: F401  (Celery reads it from here)
from imagelib.unfold import UNFOLD  # noqa: F401  (the admin theme reads it from here)

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = env.boolean("DEBUG", True)
DATA_DIR = env.directory("DATA_DIR", BASE_DIR / "var")

# --- secrets: generated once into DATA_DIR in development, required in production ---------------------------------
SECRET_KEY = env.secret("SECRET_KEY", data_dir=DATA_DIR, generate=secrets.token_urlsafe if DEBUG else None)
FIELD_KEYS = [
    key.strip()
    for key in env.secret(
        "FIELD_KEYS", data_dir=DATA_DIR, generate=(lambda: Fernet.generate_key().decode()) if DEBUG else None
    ).split(",")
    if key.strip()
]
# For clients of Kuscia's API, besides the tokens that operators make. As in Kuscia a file holds it from the start.
KUSCIA_TOKEN = (
    env.secret("KUSCIA_TOKEN", data_dir=DATA_DIR, generate=lambda: secrets.token_urlsafe(24))
    if DEBUG
    else env.text("KUSCIA_TOKEN")
)

# --- web ----------------------------------------------------------------------------------------------------------
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, minimum=1)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = env.words("CSRF_ORIGINS", [])
ROOT_URLCONF = "imagelib.urls"
WSGI_APPLICATION = "imagelib.wsgi.application"
SECURE_COOKIES = env.boolean("SECURE_COOKIES", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_SAMESITE = "Lax"
# The proxy that ends TLS also redirects to it and promises it (HSTS): only its owner knows which other sites share the
# name, and a promise made here by mistake locks browsers out for months.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]
BEHIND_PROXY = env.boolean("BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = DATA_UPLOAD_MAX_MEMORY_SIZE  # uploads are sheets of 5 MB at most: no temporary files
APPEND_SLASH = True

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "auditlog",
    "axes",
    "core",
    "imagelib",
    "nodes",
    "pulls",
    "appimages",
    "instances",
    "builds",
]

MIDDLEWARE = [
    "imagelib.health.Probes",
    "django.middleware.security.SecurityMiddleware",
    "imagelib.spa.files.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "imagelib.hosts.HostCheck",
    "imagelib.unknown.UnknownPaths",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.middleware.RequestLog",
    "core.middleware.AuditLog",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- the front end of docker-gpu-manage -----------------------------------------------------------------------------
SPA_DIR = env.text("SPA_DIR")
JUMPBOX_HOST = env.text("JUMPBOX_HOST")
JUMPBOX_PORT = env.integer("JUMPBOX_PORT", 22, minimum=1)

# --- database -----------------------------------------------------------------------------------------------------
DATABASES = {
    "default": environ.Env.db_url_config(env.text("DATABASE_URL", f"sqlite:///{DATA_DIR / 'imagelib.sqlite3'}"))
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}  # a file: threads share it
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"].update(ENGINE="core.postgresql", CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- broker, workers ----------------------------------------------------------------------------------------------
REDIS_URL = env.text("REDIS_URL")
EMBEDDED = not REDIS_URL  # one process: web, worker and beat together (`manage.py serve`)
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    # Early acknowledgement is used throughout; the long visibility timeout is a second line of defence.
    {
        "visibility_timeout": 12 * 3600,
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        # A request must not wait for a broker that is away: the reaper rings later.
        "max_retries": 0,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.1,
    }
    if REDIS_URL
    else {"polling_interval": 0.2}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 4
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
KEEP_HISTORY_DAYS = env.integer("KEEP_HISTORY_DAYS", 90, minimum=1)  # of pulls, operations and terminals that ended
WORKER_TRANSFERS = env.integer("WORKER_TRANSFERS", 32, minimum=1)
WORKER_CONTROL = env.integer("WORKER_CONTROL", 16, minimum=1)

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},  # people wait for it when they log in
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# --- jobs, engines, pulls (seconds unless said otherwise) -----------------------------------------------------------
ENGINE_TIMEOUT = env.decimal("ENGINE_TIMEOUT", 10.0, minimum=0.1)
STALL_AFTER = env.decimal("STALL_AFTER", 90.0, minimum=1)
JOB_STALE_AFTER = env.decimal("JOB_STALE_AFTER", 30.0, minimum=2)
PROGRESS_EVERY = env.decimal("PROGRESS_EVERY", 0.6, minimum=0.5)
PULL_MAX_ATTEMPTS = env.integer("PULL_MAX_ATTEMPTS", 5, minimum=1)
PULLS_PER_NODE = env.integer("PULLS_PER_NODE", 3, minimum=1)
ARCHIVE_MAX_BYTES = env.integer("ARCHIVE_MAX_MB", 20_000, minimum=1) * 1_000_000  # of an uploaded image archive
PULLS_PER_REGISTRY = env.integer("PULLS_PER_REGISTRY", 16, minimum=1)
APPLICATIONS_PER_USER = env.integer("APPLICATIONS_PER_USER", 100, minimum=0)  # who is no operator; 0: no limit
VERSIONS_PER_APPLICATION = env.integer("VERSIONS_PER_APPLICATION", 50, minimum=0)  # of users; 0: all are kept
BUILDS_PER_NODE = env.integer("BUILDS_PER_NODE", 2, minimum=1)
BUILD_MAX_ATTEMPTS = env.integer("BUILD_MAX_ATTEMPTS", 3, minimum=1)  # of builds that meet troubles that pass
BUILD_CONTEXT_MAX_BYTES = env.integer("BUILD_CONTEXT_MAX_MB", 500, minimum=1) * 1_000_000
BUILD_MEMORY_GB = env.decimal("BUILD_MEMORY_GB", 8.0, minimum=0)  # of a step of the classic builder; 0: no limit
BUILD_CPUS = env.decimal("BUILD_CPUS", 4.0, minimum=0)
BUILD_CLASSIC_ONLY = env.boolean("BUILD_CLASSIC_ONLY", False)  # because BuildKit takes no limits
BUILD_STALL_AFTER = env.decimal("BUILD_STALL_AFTER", 600.0, minimum=1)
BUILD_LOG_MAX_BYTES = env.integer("BUILD_LOG_MAX_MB", 16, minimum=1) * 1_000_000
TERMINAL_IDLE = env.decimal("TERMINAL_IDLE", 1800.0, minimum=1)
TERMINALS_PER_USER = env.integer("TERMINALS_PER_USER", 8, minimum=1)
LOGS_PER_USER = env.integer("LOGS_PER_USER", 16, minimum=1)
GPU_PROBE_IMAGE = env.text("GPU_PROBE_IMAGE")  # on the nodes already; empty: the smallest images that a node has
STOP_INEFFECTIVE_SLICES = env.boolean("STOP_INEFFECTIVE_SLICES", False)
HOST_PORTS = env.ports("HOST_PORTS", (20000, 29999))  # of every node, for what AppImages publish
GIT_MAX_BYTES = env.integer("GIT_MAX_MB", 500, minimum=1) * 1_000_000  # of one commit of a repository, as it is sent
GIT_HOSTS = env.words("GIT_HOSTS", [])  # where ordinary users may have repositories read from; empty: anywhere
SCANNER_URL = env.text("SCANNER_URL")  # of vulnerabilities, as Harbor's are; empty: none
SCANNER_TOKEN = env.text("SCANNER_TOKEN")
SSH_KNOWN_HOSTS = env.text("SSH_KNOWN_HOSTS", str(DATA_DIR / "known_hosts"))

# --- people -------------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=10)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "core.middleware.client_address"
AXES_USERNAME_CALLABLE = "core.middleware.typed_username"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
# Who changed what. Secrets never enter the log, and what probes write is no change that anybody made. AppImages tell by
# their versions, and by the log once they are gone.
AUDITLOG_INCLUDE_TRACKING_MODELS = (
    {"model": "imagelib.ImageRegistry", "exclude_fields": ["updated_at"]},
    {"model": "imagelib.RegistryEndpoint", "exclude_fields": ["password", "updated_at"]},
    {
        "model": "nodes.ComputeNode",
        "exclude_fields": [
            "password", "client_key", "updated_at", "connection_version", "status", "status_code", "status_evidence",
            "checked_at", "last_seen_at", "engine_version", "storage_driver", "platform",
            "limits_system_disk", "disk_total_bytes", "disk_free_bytes", "disk_checked_at", "disk_due_at",
        ],
    },
    {"model": "instances.ProductSpec", "exclude_fields": ["updated_at"]},
    {"model": "instances.Gpu", "include_fields": ["is_cordoned"]},
    {"model": "builds.WebhookTarget", "exclude_fields": ["secret", "updated_at"]},
    {"model": "appimages.KusciaToken", "exclude_fields": ["token_hash", "last_used_at"]},
    {"model": "builds.Application", "exclude_fields": ["git_password", "webhook_secret", "updated_at"]},
    {"model": "builds.BuildSecret", "exclude_fields": ["value", "updated_at"]},
)  # fmt: skip
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=30),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "CHECK_REVOKE_TOKEN": True,  # a changed password ends every token of that user
}

DEFAULT_EXCEPTION_REPORTER_FILTER = "core.reporting.NothingEntered"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.parsers.JSONBody"],
    "DEFAULT_PAGINATION_CLASS": "core.pagination.Pages",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "core.pagination.StableOrdering",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "core.dialects.problem.handle",
    "DEFAULT_THROTTLE_RATES": {
        "login": "30/min",
        "login_of_user": "20/min",
        "kuscia_token": "30/min",
        "git_hook": "120/min",
        "git_import": "12/min",
    },
    "NUM_PROXIES": 1 if BEHIND_PROXY else 0,  # whose `X-Forwarded-For` is believed; see core.middleware
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "imagelib",
    "DESCRIPTION": "Image library for GPU fleets made of plain Docker engines.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "TAGS": [
        {
            "name": "spa",
            "description": "For the front end of docker-gpu-manage. Also served without /api. Every answer is "
            "`{code, data, msg}`: `code` 0 for success, 7 for a refusal with its reason in `msg`, both as HTTP 200.",
        },
        {
            "name": "kuscia",
            "description": "For clients of Kuscia. Every answer is `{status: {code, message, details}, data}` as HTTP "
            "200, `code` 0 for success; a wrong `Token` is HTTP 401 without a body. Names may also be in camelCase.",
        },
    ],
    "PREPROCESSING_HOOKS": ["core.dialects.gva_schema.below_api"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "imagelib.openapi.add_event_streams",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "JobState": "core.jobs.JobState.choices",
        "InstanceState": "instances.models.Observed.choices",
        "DeploymentState": "instances.deployment_snapshot.STATE_CHOICES",
        "PullSource": "pulls.models.Source.choices",
        "ApplicationSource": "builds.models.SourceKind.choices",
    },
}

# --- language, time, static files -----------------------------------------------------------------------------------
LANGUAGE_CODE = env.choice("LANGUAGE", "zh-hans", ("zh-hans", "en"))
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "UTC")
STATIC_URL = "static/"
STATIC_ROOT = None if DEBUG else BASE_DIR / "staticfiles"  # in development files are served from where they are
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = False
if not DEBUG:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

LOG_FORMAT = env.choice("LOG_FORMAT", "plain", ("plain", "json"))
LOGGING_CONFIG = "core.logging.configure"
LOGGING = {
    "format": LOG_FORMAT,
    "level": env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
}
