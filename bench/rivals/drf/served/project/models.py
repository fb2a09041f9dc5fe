"""A user with a phone, an invite code and an inviter; a code that was sent."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.utils.crypto import get_random_string

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def new_invite_code():
    return get_random_string(6, ALPHABET)


is_phone = RegexValidator(r"^\+[1-9]\d{7,14}$")


class User(AbstractBaseUser):
    phone = models.CharField(max_length=16, unique=True, validators=[is_phone])
    username = models.CharField(max_length=150, blank=True)
    email = models.EmailField(blank=True)
    invite_code = models.CharField(max_length=6, unique=True, default=new_invite_code)
    inviter = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="invitees")
    is_active = models.BooleanField(default=True)

    objects = BaseUserManager()
    USERNAME_FIELD = "phone"


class SentCode(models.Model):
    phone = models.CharField(max_length=16, unique=True)
    code = models.CharField(max_length=4)
    sent_at = models.DateTimeField(auto_now=True)
