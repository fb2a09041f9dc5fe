"""What operators do not see: authenticators' keys. `manage.py forgetstep` is for who has lost theirs."""

from django.contrib import admin
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

admin.site.unregister([TOTPDevice, StaticDevice])
