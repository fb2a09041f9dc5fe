"""One view, one URL, Django's own database backend with prepared statements, a connection for each thread."""

import os
import secrets

import dj_database_url
from django.conf import settings

from bench.rivals.limit import shown
from bench.rivals.rival import SQLITE

OPTIONS = (
    {"transaction_mode": "IMMEDIATE", "timeout": 5, "init_command": SQLITE}
    if shown.IS_SQLITE
    else {"server_side_binding": True, "prepare_threshold": 0}
)
settings.configure(
    DATABASES={"default": {**dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=None), "OPTIONS": OPTIONS}},
    SECRET_KEY=secrets.token_urlsafe(50),
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=[],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
)

from django.core.wsgi import get_wsgi_application  # noqa: E402  # after the settings
from django.db import connection  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402


def view(request):
    id_, digest = shown.presented(request.META.get("HTTP_AUTHORIZATION", ""))
    with connection.cursor() as cursor:
        cursor.execute(shown.PROFILE, (id_, id_, shown.now()))
        answer = shown.profile(cursor.fetchall(), digest)
    return HttpResponse(answer or b"{}", content_type="application/json", status=200 if answer else 401)


urlpatterns = [path("user/user-profile/", view)]
application = get_wsgi_application()
