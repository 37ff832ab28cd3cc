"""Django settings, built from the typed configuration in `config.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from polyaxon.settings import databases, secrets_file
from polyaxon.settings.config import Config, ConfigurationError, load

try:
    CONFIG: Config = load()
except ConfigurationError as error:
    # One line per key is all that a person needs; a traceback would hide it.
    sys.exit(f"Configuration error\n{error}")

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = CONFIG.data_dir

SECRET_KEY = CONFIG.core.secret_key or secrets_file.read_or_create(DATA_DIR, "secret-key")
DEBUG = CONFIG.core.debug
ALLOWED_HOSTS = [*CONFIG.core.allowed_hosts, *([CONFIG.server.host] if CONFIG.server.host else [])]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "polyaxon",
    "polyaxon.db",
    "api",
    "scheduler",
    "monitors",
    "k8s_events",
]

MIDDLEWARE = [
    "api.telemetry.measured",
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "api.compression.gzip_json",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "api.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "api" / "pages" / "templates"],
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
LOGIN_URL = "/users/login/"
CSRF_FAILURE_VIEW = "api.pages.views.csrf_failure"
WSGI_APPLICATION = "api.wsgi.application"
AUTH_USER_MODEL = "db.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": databases.settings(CONFIG)}

CACHES: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CONFIG.broker.redis_url}
        if CONFIG.broker.redis_url
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": CONFIG.security.password_length},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

USE_TZ = True
TIME_ZONE = CONFIG.core.time_zone
USE_I18N = False
LANGUAGE_CODE = "en-us"

SESSION_COOKIE_AGE = 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = CONFIG.server.ssl_enabled
CSRF_TRUSTED_ORIGINS = CONFIG.server.csrf_trusted_origins
# Pages of other origins that may call the API. 0.6 let in every one, with credentials.
CORS_ALLOWED_ORIGINS = CONFIG.server.cors_origin_whitelist
CORS_ALLOW_CREDENTIALS = True
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [
    *("accept", "authorization", "content-type", "range", "user-agent", "x-csrftoken", "x-requested-with"),
    *("x_polyaxon_cli_version", "x_polyaxon_client_version", "x_polyaxon_internal"),  # as 0.6 spelled them
    *("x-polyaxon-cli-version", "x-polyaxon-client-version", "x-polyaxon-internal"),
    *("idempotency-key", "last-event-id", "x-polyaxon-batch"),
]
CORS_EXPOSE_HEADERS = [
    *("content-disposition", "content-length", "content-range", "retry-after", "x-polyaxon-commit"),
    "idempotent-replayed",
]
# Behind TLS a proxy stands in front, which says how the client came.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if CONFIG.server.ssl_enabled else None
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
APPEND_SLASH = False

# Bodies larger than this go to a temporary file; how large a body may be at all is the views' business.
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = CONFIG.limits.body_max_bytes

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["api.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "api.parsers.JSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_PAGINATION_CLASS": "api.pagination.Pagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_METADATA_CLASS": "api.metadata.Metadata",
    "DEFAULT_THROTTLE_CLASSES": [
        "api.throttling.AnonymousRate",
        "api.throttling.UserRate",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": f"{CONFIG.security.throttle_rates_anon}/min",
        "user": f"{CONFIG.security.throttle_rates_user}/min",
        "admin": f"{CONFIG.security.throttle_rates_admin}/min",
        "checks": f"{CONFIG.security.throttle_rates_checks}/min",
        "login": f"{CONFIG.security.throttle_rates_login}/min",
        "login_name": f"{CONFIG.security.throttle_rates_login_name}/min",
        "high": f"{CONFIG.security.throttle_rates_high}/s",
        "internal": f"{CONFIG.security.throttle_rates_internal}/s",
        "impersonate": f"{CONFIG.security.throttle_rates_impersonate}/s",
    },
    "EXCEPTION_HANDLER": "api.errors.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Polyaxon platform API",
    "DESCRIPTION": (
        "Runs, tracks and tunes machine-learning experiments.\n\nEvery address also answers with a slash at its end. "
        "Bodies are JSON; where no field is nested a form will do, too. Lists come in pages: `limit`, `offset`."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.openapi.hooks.complete",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ReplicaRoleEnum": "api.experiments.serializers.ROLES",
        "ArtifactTypeEnum": "polyaxon.db.models.artifacts.TYPES",
        "NodeRoleEnum": ["master", "agent"],
        "MemberRoleEnum": "polyaxon.db.models.teams.MemberRole",
        "ProjectRoleEnum": "polyaxon.db.models.teams.ProjectRole",
    },
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": CONFIG.core.log_level},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "celery": {"level": "WARNING"},
        "git": {"level": "WARNING"},
    },
}
