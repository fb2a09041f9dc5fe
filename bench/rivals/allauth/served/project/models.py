"""The user that allauth asks its host to have: it keeps no phone numbers of its own."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class User(AbstractBaseUser):
    phone = models.CharField(max_length=16, unique=True, null=True)  # allauth saves a user before its phone
    phone_verified = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    objects = BaseUserManager()
    USERNAME_FIELD = "phone"
